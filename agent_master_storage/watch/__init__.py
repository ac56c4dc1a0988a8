"""How every change reaches every watcher: once, in order, none lost.

The change log of the store is the truth. One *tail* per process and alias (``tail.py``) reads
it past its last revision, keeps the newest batches in memory and tells the subscriptions
(``subscription.py``) that a change concerns (``router.py``) that there is something to take.
A subscription takes from memory while it keeps up and reads the log at its own pace when it
does not. On top of it stand the handlers of ``watch()`` (``handlers.py``), the iterators of
``changes()`` (``iterators.py``), and, elsewhere, sockets and event streams.

A wake-up (a notification of the store, the Channels layer in ``channel_layer.py``, a poll) only
makes the tail look again. Losing, repeating or reordering one costs time, never a change.

``log.py`` says what an adapter has to give. The promises are etcd's; the ring with a cursor
for each reader is the LMAX Disruptor's.
"""

from __future__ import annotations

from .log import Batch, Log, LogState, Page, Selector, Waiter
from .subscription import Subscription
from .tail import Tail

__all__ = [
    "Batch",
    "Log",
    "LogState",
    "Page",
    "Selector",
    "Subscription",
    "Tail",
    "Waiter",
]
