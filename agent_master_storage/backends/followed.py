"""The log of an adapter, and all that follows it: iterators, handlers, sockets, event streams."""

from __future__ import annotations

import asyncio
import threading
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable
from typing import Any
from weakref import WeakSet

from ..keys import check_key, check_limit, check_revision
from ..threads import run_in_thread
from ..types import Change, Changes, Unsubscribe, WatchHandler
from ..watch import LogState, Page, Selector, Subscription, Tail, Waiter
from ..watch.handlers import HandlerThread
from ..watch.iterators import AsyncChangeIterator, ChangeIterator
from ..watch.log import PAGE_CHANGES
from .base import BaseStorage
from .guards import check_handler

#: seconds that close() waits for handlers which run
CLOSE_TIMEOUT = 1.0


class FollowedStorage(BaseStorage):
    """A storage with a log, which is one ``watch.log.Log``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.tail = Tail(self)
        self._handlers: WeakSet[HandlerThread] = WeakSet()

    @abstractmethod
    def _state(self) -> LogState: ...

    @abstractmethod
    def _renew(self, epoch: str | None) -> LogState:
        """Begin a new epoch if the store is in ``epoch``, or in any case when that is None."""

    @abstractmethod
    def read_log(
        self,
        since: int,
        selector: Selector,
        *,
        limit: int = PAGE_CHANGES,
        whole: bool = True,
    ) -> Page: ...

    def last_of(self, revision: int) -> Change | None:
        """See Log.last_of()."""
        page = self.read_log(revision - 1, Selector(), limit=1)
        at = [change for change in page.changes if change.revision == revision]
        return at[-1] if at else None

    @abstractmethod
    def waiter(self, wake: threading.Event) -> Waiter: ...

    def release(self) -> None:
        """See Log.release()."""

    @property
    def readers_block(self) -> bool:
        """See Log.readers_block."""
        return False

    def log_state(self) -> LogState:
        """See Log.log_state()."""
        return self._state()

    def renew_epoch(self, known: LogState) -> LogState:
        """See Log.renew_epoch()."""
        return self._renew(known.epoch)

    # Following

    def history(
        self,
        prefix: str = "",
        key: str | None = None,
        since: int | None = None,
        limit: int | None = None,
    ) -> Changes:
        """See BaseStorage.history()."""
        selector = Selector.of(prefix, key)
        position = self._state().compacted if since is None else check_revision(since, "since")
        wanted = check_limit(limit)
        found: Changes = []
        while wanted is None or len(found) < wanted:
            left = PAGE_CHANGES if wanted is None else wanted - len(found)
            page = self.read_log(position, selector, limit=min(left, PAGE_CHANGES), whole=False)
            found.extend(page.changes)
            position = page.through
            if position >= page.state.revision:
                break
        return found

    def changes(
        self,
        prefix: str = "",
        key: str | None = None,
        since: int | None = None,
        epoch: str | None = None,
    ) -> ChangeIterator:
        """See BaseStorage.changes()."""
        return ChangeIterator(
            lambda notify: self.subscribe(
                prefix=prefix, key=key, since=since, epoch=epoch, notify=notify
            )
        )

    def achanges(
        self,
        prefix: str = "",
        key: str | None = None,
        since: int | None = None,
        epoch: str | None = None,
    ) -> AsyncIterator[Change]:
        """See changes(). The call itself looks where the log stands, a few milliseconds."""
        return AsyncChangeIterator(
            lambda notify, loop: run_in_thread(
                lambda: self.subscribe(
                    prefix=prefix, key=key, since=since, epoch=epoch, notify=notify, loop=loop
                ),
                self.release if self.does_io else None,
            ),
            self.release,
        )

    def watch(self, key: str, handler: WatchHandler) -> Unsubscribe:
        """See BaseStorage.watch()."""
        thread = HandlerThread(self, check_key(key), check_handler(handler))
        self._handlers.add(thread)
        return thread.unsubscribe

    def subscribe(
        self,
        *,
        prefix: str = "",
        key: str | None = None,
        since: int | None = None,
        epoch: str | None = None,
        notify: Callable[[], object],
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> Subscription:
        """Subscribe to the log; what changes(), watch(), sockets and event streams stand on.

        See Subscription for ``notify`` and ``loop``.
        """
        selector = Selector.of(prefix, key)
        if since is not None:
            check_revision(since, "since")
        state = self.log_state()
        position = state.revision if since is None else since
        state.check(position, epoch)
        return self.tail.subscribe(selector, position, state.epoch, notify, loop)

    def close(self) -> None:
        """See BaseStorage.close()."""
        handlers = list(self._handlers)
        for thread in handlers:
            thread.unsubscribe()
        self.tail.close()
        deadline = time.monotonic() + CLOSE_TIMEOUT
        for thread in handlers:
            thread.join(max(0, deadline - time.monotonic()))
