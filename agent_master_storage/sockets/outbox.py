"""Sends what the watches of one socket have to tell, as fast as the client takes it.

One task a socket. It takes from a subscription only when the frame before has been taken by
the client's connection, so that a slow client costs no memory: what it has not had is in the
log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from asgiref.sync import sync_to_async

from ..backends.logged import LoggedStorage
from ..exceptions import RevisionCompacted, StorageUnavailable
from ..watch import Batch, Subscription
from . import frames
from .frames import WatchRequest

logger = logging.getLogger("agent_master_storage.sockets")

#: seconds until the log is read again after the store could not be reached
RETRY_INTERVAL = 1.0


class Watch:
    """One subscription of a socket, and what it still has to tell first."""

    def __init__(self, request: WatchRequest) -> None:
        self.request = request
        self.id = request.id
        self.id_text = frames.dumps(request.id)  # type: ignore[arg-type]
        self.subscription: Subscription | None = None
        self.snapshot: Iterator[str] = iter(())
        self.progress_due = False
        self.timer: asyncio.TimerHandle | None = None
        self.closed = False

    def close(self) -> None:
        """Nothing more is sent for it."""
        self.closed = True
        if self.timer is not None:
            self.timer.cancel()
        if self.subscription is not None:
            self.subscription.close()


class Outbox:
    """The watches of one socket, and the task that sends for them."""

    def __init__(self, storage: LoggedStorage, send: Callable[[str], Awaitable[None]]) -> None:
        self.watches: dict[str, Watch] = {}
        self._storage = storage
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._ready: dict[Watch, None] = {}
        self._wake = asyncio.Event()

    def start(self, watch: Watch) -> None:
        """Begin to send; ``watching`` has been said."""
        assert watch.subscription is not None
        self.watches[watch.id] = watch
        self._schedule_progress(watch)
        self.ready(watch)

    def ready(self, watch: Watch) -> None:
        """There is something to send for it. In the loop's thread."""
        # Before start() and after drop() it is not ours.
        if self.watches.get(watch.id) is watch:
            self._ready[watch] = None
            self._wake.set()

    def drop(self, id: str) -> None:
        watch = self.watches.pop(id)
        self._ready.pop(watch, None)
        watch.close()

    def close(self) -> None:
        for id in list(self.watches):
            self.drop(id)

    async def run(self) -> None:
        """Send until cancelled, each watch in its turn."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._ready:
                watch = next(iter(self._ready))
                del self._ready[watch]
                await self._serve(watch)

    async def _serve(self, watch: Watch) -> None:
        try:
            await self._tell(watch)
        except RevisionCompacted as error:
            self._drop_if_open(watch)
            await self._send(frames.error(error, watch.id))
        except StorageUnavailable:
            self._loop.call_later(RETRY_INTERVAL, self.ready, watch)

    async def _tell(self, watch: Watch) -> None:
        subscription = watch.subscription
        assert subscription is not None
        async for frame in _each(watch.snapshot):
            if watch.closed:
                return
            await self._send(frame)
        if subscription.pending:
            batches = subscription.take()
            if batches is None:
                batches = await sync_to_async(self._read, thread_sensitive=False)(subscription)
            for frame in frames.changes(watch.id_text, batches):
                if watch.closed:
                    return
                await self._send(frame)
        if watch.closed:
            return
        if subscription.pending:
            # The others of this socket first: one that is far behind must not starve them.
            self.ready(watch)
        elif watch.progress_due:
            await self._tell_progress(watch, subscription.bookmark)

    async def _tell_progress(self, watch: Watch, revision: int) -> None:
        watch.progress_due = False
        self._schedule_progress(watch)
        await self._send(frames.dumps({"type": "progress", "id": watch.id, "revision": revision}))

    def _schedule_progress(self, watch: Watch) -> None:
        if watch.request.progress is not None:
            watch.timer = self._loop.call_later(
                watch.request.progress, self._progress_is_due, watch
            )

    def _progress_is_due(self, watch: Watch) -> None:
        watch.progress_due = True
        self.ready(watch)

    def _drop_if_open(self, watch: Watch) -> None:
        if self.watches.get(watch.id) is watch:
            self.drop(watch.id)

    def _read(self, subscription: Subscription) -> list[Batch]:
        # A thread of the pool would keep its connection for as long as the process lives.
        try:
            return subscription.read()
        finally:
            self._storage.release()

    async def open(self, watch: Watch) -> tuple[int, str]:
        """Subscribe, and take the snapshot if one is wanted; returns revision and epoch."""
        return await sync_to_async(self._open, thread_sensitive=False)(watch)

    def _open(self, watch: Watch) -> tuple[int, str]:
        request = watch.request
        since, epoch = request.since, request.epoch
        try:
            if request.snapshot:
                since, epoch = self._take_snapshot(watch)
            watch.subscription = self._storage.subscribe(
                prefix=request.selector.prefix,
                key=request.selector.key,
                since=since,
                epoch=epoch,
                notify=lambda: self.ready(watch),
                loop=self._loop,
            )
        finally:
            self._storage.release()
        return watch.subscription.position, watch.subscription.epoch

    def _take_snapshot(self, watch: Watch) -> tuple[int, str]:
        request = watch.request
        key = request.selector.key
        if key is None:
            snapshot = self._storage.snapshot(request.selector.prefix)
            entries = snapshot.entries
        else:
            # A key is the first of those that begin with it.
            snapshot = self._storage.page(key, limit=1)
            entries = [entry for entry in snapshot.entries if entry.key == key]
        if request.epoch not in (None, snapshot.epoch):
            raise RevisionCompacted(
                f"the store is in epoch {snapshot.epoch}, not {request.epoch}", oldest=1
            )
        watch.snapshot = frames.snapshot(watch.id, snapshot.revision, snapshot.epoch, entries)
        return snapshot.revision, snapshot.epoch


async def _each(pages: Iterator[str]) -> AsyncIterator[str]:
    """The pages, each encoded in a thread: megabytes would hold up the loop."""
    following = sync_to_async(lambda: next(pages, None), thread_sensitive=False)
    while (page := await following()) is not None:
        yield page
