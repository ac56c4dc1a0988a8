"""What each call asks of the server and makes of the answers: generators that wait for nothing.

``Server.run()`` answers them in a thread, ``AsyncServer.run()`` in an event loop, so that there is
one of each and not two.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import scripts
from .reading import Reading
from .server import Steps
from .writing import Writing

COMPARED_AT_ONCE = 250


class Plans(Writing, Reading):
    """The steps of one storage, and what it has seen of the store."""

    def adopting(self, done_in: str = "") -> Steps[bool]:
        """Whether keys from before are still to be taken in; ``done_in``: the epoch where not."""
        answer = yield self.script(scripts.STATE, done_in)
        self.saw(answer[0], answer[1])
        return bool(answer[3] != b"0")

    def compare(self, keys: Sequence[bytes], only_new: bool = False) -> Steps[list[bytes]]:
        """Make changes of what others did to these keys; returns those that hold no string."""
        wrong: list[bytes] = []
        done, kind = 0, b"new" if only_new else b""
        while done < len(keys):
            some = keys[done : done + COMPARED_AT_ONCE]
            answer = yield self.script(scripts.RECONCILE, self.names.values, kind, *some)
            self.saw(answer[0], answer[1])
            done += answer[2]
            wrong += answer[3:]
        return wrong
