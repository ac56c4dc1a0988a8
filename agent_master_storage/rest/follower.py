"""Following the log in an event loop, for long polls and event streams."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeVar

from asgiref.sync import SyncToAsync, sync_to_async
from django.db import connections

from .. import shutdown
from ..backends.logged import LoggedStorage
from ..watch import Batch, Selector, Subscription

#: seconds until the log is read again after the store could not be reached
RETRY_INTERVAL = 1.0

T = TypeVar("T")


class Follower:
    """A subscription that an HTTP response reads from; it ends when the server does."""

    def __init__(self, storage: LoggedStorage, selector: Selector, since: int, epoch: str) -> None:
        self._storage = storage
        self._selector = selector
        self._since = since
        self._epoch = epoch
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._subscription: Subscription | None = None
        self._forget_shutdown = shutdown.register(self._on_shutdown)
        self._closed = False
        self.stopping = False

    async def open(self) -> None:
        """Subscribe; the errors are those of LoggedStorage.subscribe()."""
        await self.outside(self._subscribe)

    def _subscribe(self) -> None:
        self._subscription = self._storage.subscribe(
            prefix=self._selector.prefix,
            key=self._selector.key,
            since=self._since,
            epoch=self._epoch,
            notify=self._ready.set,
            loop=self._loop,
        )
        if self._closed:
            # A client that leaves at once cancels open(), but not the thread that we are in.
            self._subscription.close()

    @property
    def subscription(self) -> Subscription:
        assert self._subscription is not None, "open() it first"
        return self._subscription

    async def next(self, timeout: float) -> list[Batch]:
        """What comes next; empty after ``timeout`` seconds without anything, or at the end."""
        deadline = self._loop.time() + timeout
        while not self.stopping:
            self._ready.clear()
            if not self.subscription.pending:
                if not await self._wait_until(deadline):
                    return []
                continue
            batches = self.subscription.take()
            if batches is None:
                batches = await self.outside(self.subscription.read)
            if batches:
                return batches
        return []

    async def wait(self, timeout: float) -> bool:
        """Whether there is something to read, after ``timeout`` seconds at most."""
        return bool(await self.next(timeout))

    async def pause(self) -> None:
        """After the store could not be reached."""
        await asyncio.sleep(RETRY_INTERVAL)

    def close(self) -> None:
        self._closed = True
        self._forget_shutdown()
        if self._subscription is not None:
            self._subscription.close()

    async def _wait_until(self, deadline: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._ready.wait()
                return True
        return False

    async def outside(self, function: Callable[[], T]) -> T:
        """Call it in a thread that keeps no connection afterwards."""

        def call() -> T:
            try:
                return function()
            finally:
                self._storage.release()

        return await sync_to_async(call, thread_sensitive=False)()

    def _on_shutdown(self) -> None:
        self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        self.stopping = True
        self._ready.set()


async def let_go_of_thread() -> None:
    """Give back the request's thread and its connections, which a stream would keep for hours.

    Under ASGI, Django runs what is synchronous in a thread of the request's own, which lives
    until the response has ended. The next synchronous call makes another one.
    """
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is None:
        return
    await sync_to_async(_close_connections)()
    executor = SyncToAsync.context_to_thread_executor.pop(context, None)
    if executor is not None:
        executor.shutdown(wait=False)


def _close_connections() -> None:
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
