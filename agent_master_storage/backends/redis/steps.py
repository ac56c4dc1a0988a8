"""What each call asks of the server and makes of the answers: generators that wait for nothing.

``Server.run()`` answers them in a thread, ``AsyncServer.run()`` in an event loop, so that there is
one of each and not two.
"""

from __future__ import annotations

from .read import Reading
from .transaction import Large


class Plans(Large, Reading):
    """The steps of one storage, and what it has seen of the store."""
