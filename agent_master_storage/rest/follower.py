"""Wait for changes in an event loop, for long polls and event streams."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeVar

from asgiref.sync import SyncToAsync, sync_to_async
from django.db import connections

from .. import shutdown
from ..backends.base import BaseStorage
from ..watch import Batch, Selector, Subscription

#: seconds until the log is read again if the store could not be reached
RETRY_INTERVAL = 1.0

T = TypeVar("T")


class Follower:
    """The subscription of an HTTP response. It ends when the server shuts down."""

    def __init__(self, storage: BaseStorage, selector: Selector, since: int, epoch: str) -> None:
        self._storage = storage
        self._selector = selector
        self._since = since
        self._epoch = epoch
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._subscription: Subscription | None = None
        self._unregister = shutdown.register(self._on_shutdown)
        self._closed = False
        self.stopping = False

    async def open(self) -> None:
        """Subscribe. Raises the errors of the storage's subscribe()."""
        await self.run_in_pool(self._subscribe)

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
            # If the client disconnects early, open() is cancelled, but not this thread.
            self._subscription.close()

    @property
    def subscription(self) -> Subscription:
        if self._subscription is None:
            raise RuntimeError("open() the follower before reading from it")
        return self._subscription

    async def next(self, timeout: float) -> list[Batch]:
        """Return the next changes; an empty list after ``timeout`` seconds or at shutdown."""
        deadline = self._loop.time() + timeout
        while not self.stopping:
            self._ready.clear()
            if not self.subscription.pending:
                if not await self._wait_until(deadline):
                    return []
                continue
            batches = self.subscription.take()
            if batches is None:
                batches = await self.run_in_pool(self.subscription.read)
            if batches:
                return batches
        return []

    async def wait(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds and return whether there are changes to read."""
        return bool(await self.next(timeout))

    async def pause(self) -> None:
        """Wait before the next attempt if the store could not be reached."""
        await asyncio.sleep(RETRY_INTERVAL)

    def close(self) -> None:
        self._closed = True
        self._unregister()
        if self._subscription is not None:
            self._subscription.close()

    async def _wait_until(self, deadline: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._ready.wait()
                return True
        return False

    async def run_in_pool(self, function: Callable[[], T]) -> T:
        """Call the function in a pool thread, which releases its connections afterwards."""

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


async def release_request_thread() -> None:
    """End the request's thread and close its connections, which a stream would keep for hours.

    Under ASGI, Django runs the synchronous code of a request in a thread of its own, which lives
    until the response has ended. The next synchronous call starts another one.
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
