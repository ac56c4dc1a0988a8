"""One reader of the log: a selector, a position, and whether there is something to take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from .log import Batch, Selector

if TYPE_CHECKING:
    from .tail import Tail


class Subscription:
    """Holds no changes, only a position: a slow reader costs nobody memory.

    ``notify`` is called, from the tail's thread or in ``loop``, when there is something to
    take; then call take(), and read() where that returns None, until ``pending`` is false.
    A new subscription is pending.
    """

    def __init__(
        self,
        tail: Tail,
        selector: Selector,
        position: int,
        epoch: str,
        notify: Callable[[], object],
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.selector = selector
        #: every matching change up to here has been taken
        self.position = position
        self.epoch = epoch
        self.notify = notify
        self.loop = loop
        # Guarded by the tail's lock, as is ``position`` while this is false.
        self.pending = True
        #: the storage was closed: nothing more will come
        self.ended = False
        self._tail = tail

    @property
    def bookmark(self) -> int:
        """Every matching change up to here has been taken: the revision of a progress."""
        return self._tail.bookmark(self)

    def take(self) -> list[Batch] | None:
        """What the tail holds in memory; never waits. None: read() must be called."""
        return self._tail.take(self)

    def read(self) -> list[Batch]:
        """The next page of the log. RevisionCompacted when what comes next is not held."""
        log = self._tail.log
        page = log.read_log(self.position, self.selector)
        if page.state.epoch != self.epoch:
            page.state.check(self.position, self.epoch)
        self.position = page.through
        if page.through >= page.state.revision:
            self._tail.caught_up(self)
        return page.batches

    def pull(self) -> list[Batch]:
        """take(), or read() where that does not do. May wait for the store."""
        batches = self.take()
        return self.read() if batches is None else batches

    def close(self) -> None:
        """End it; nothing is notified any more. Safe to call twice and from any thread."""
        self._tail.remove(self)

    def abandon(self) -> None:
        """close() for a ``__del__``: takes no lock, and takes effect soon."""
        self._tail.abandon(self)
