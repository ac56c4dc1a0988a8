"""changes() and achanges(): endless iterators over a subscription."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Self

from asgiref.sync import sync_to_async

from ..exceptions import StorageUnavailable
from ..types import Change
from .log import Batch
from .subscription import Subscription
from .tail import BACKOFF

#: makes a subscription that calls the function given to it when there is something to take
Subscribe = Callable[[Callable[[], object]], Subscription]


class _Buffer:
    """The changes that were taken and not yet given out, and the pause after a failure."""

    def __init__(self) -> None:
        self.changes: deque[Change] = deque()
        self.failures = 0

    def fill(self, batches: list[Batch]) -> None:
        self.failures = 0
        self.changes.extend(change for batch in batches for change in batch.changes)

    def failed(self) -> float:
        self.failures += 1
        return min(BACKOFF[0] * 2 ** min(self.failures, 10), BACKOFF[1])


class ChangeIterator(Iterator[Change]):
    """Waits for changes in the calling thread. close() it, or leave its ``with`` block."""

    def __init__(self, subscribe: Subscribe) -> None:
        self._ready = threading.Event()
        self._buffer = _Buffer()
        self._closed = False
        self._subscription = subscribe(self._ready.set)

    def __next__(self) -> Change:
        while not self._buffer.changes:
            # Before the looking: what is set from here on must not be missed.
            self._ready.clear()
            if self._closed or self._subscription.ended:
                raise StopIteration
            self._fill()
        return self._buffer.changes.popleft()

    def _fill(self) -> None:
        if not self._subscription.pending:
            self._ready.wait()
            return
        try:
            self._buffer.fill(self._subscription.pull())
        except StorageUnavailable:
            time.sleep(self._buffer.failed())

    def close(self) -> None:
        """End it, as the storage's close() does: who waits in next() gets StopIteration."""
        self._closed = True
        self._subscription.close()
        self._ready.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not self._closed and hasattr(self, "_subscription"):
            self._subscription.abandon()


class AsyncChangeIterator(AsyncIterator[Change]):
    """Waits for changes in the running event loop, holding no thread while it waits."""

    def __init__(
        self,
        subscribe: Callable[[Callable[[], object], asyncio.AbstractEventLoop], Subscription],
        release: Callable[[], None],
    ) -> None:
        self._ready = asyncio.Event()
        self._buffer = _Buffer()
        self._release = release
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._subscription = subscribe(self._ready.set, self._loop)

    async def __anext__(self) -> Change:
        while not self._buffer.changes:
            self._ready.clear()
            if self._closed or self._subscription.ended:
                raise StopAsyncIteration
            await self._fill()
        return self._buffer.changes.popleft()

    async def _fill(self) -> None:
        if not self._subscription.pending:
            await self._ready.wait()
            return
        batches = self._subscription.take()
        try:
            self._buffer.fill(await self._read() if batches is None else batches)
        except StorageUnavailable:
            await asyncio.sleep(self._buffer.failed())

    async def _read(self) -> list[Batch]:
        return await sync_to_async(self._read_and_release, thread_sensitive=False)()

    def _read_and_release(self) -> list[Batch]:
        # A thread of the pool would keep its connection for as long as the process lives.
        try:
            return self._subscription.read()
        finally:
            self._release()

    async def aclose(self) -> None:
        """End it; a task that waits gets StopAsyncIteration."""
        self._closed = True
        self._subscription.close()
        self._ready.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if not self._closed and hasattr(self, "_subscription"):
            self._subscription.abandon()
