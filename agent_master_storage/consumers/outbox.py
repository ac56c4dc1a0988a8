"""Send the frames of all watches of one socket, as fast as the client reads them.

There is one task per socket. It takes changes from a subscription only after the connection has
accepted the previous frame. So a slow client does not cost memory: the changes that it has not
received yet are in the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from asgiref.sync import sync_to_async

from ..backends.base import BaseStorage
from ..exceptions import RevisionAhead, RevisionCompacted, StorageUnavailable
from ..watch import Batch, Subscription
from . import protocol
from .protocol import WatchRequest
from .snapshot import SnapshotReader

logger = logging.getLogger("agent_master_storage.consumers")

#: seconds until the store is read again if it could not be reached
RETRY_INTERVAL = 1.0
#: bytes of values above which changes are encoded in a thread
LARGE = 64 * 1024
HEARTBEAT = '{"type":"heartbeat"}'


class Watch:
    """One watch of a socket: its subscription and what is to be sent before changes."""

    def __init__(self, request: WatchRequest) -> None:
        self.request = request
        self.id = request.id
        self.id_text = protocol.dumps(request.id)
        self.subscription: Subscription | None = None
        #: the snapshot until all of it has been sent
        self.snapshot: SnapshotReader | None = None
        self.progress_due = False
        self.timer: asyncio.TimerHandle | None = None
        #: whether the ``watching`` frame has been sent
        self.started = False
        #: whether a failure to read its snapshot has been logged
        self.reported = False
        self.closed = False

    def close(self) -> None:
        """End the watch: nothing more is sent for it."""
        self.closed = True
        if self.timer is not None:
            self.timer.cancel()
        if self.subscription is not None:
            self.subscription.close()


class Outbox:
    """The watches of one socket and the task that sends for them.

    Args:
        heartbeat: Seconds without a frame after which a heartbeat is sent, so that proxies keep
            the connection.
    """

    def __init__(
        self, storage: BaseStorage, send: Callable[[str], Awaitable[None]], heartbeat: float
    ) -> None:
        self.watches: dict[str, Watch] = {}
        self._storage = storage
        self._send = send
        self._heartbeat = heartbeat
        self._loop = asyncio.get_running_loop()
        self._ready: dict[Watch, None] = {}
        self._frames: deque[str] = deque()
        self._wake = asyncio.Event()
        self._closed = False
        # The time when all pending frames were sent last, and the timer that checks it.
        self._idle_since = self._loop.time()
        self._heartbeat_timer: asyncio.TimerHandle | None = None

    # Watches

    async def open(self, watch: Watch) -> tuple[int, str]:
        """Subscribe and return revision and epoch. The id is in use from here on."""
        self.watches[watch.id] = watch
        watch.closed = self._closed
        try:
            return await sync_to_async(self._open, thread_sensitive=False)(watch)
        except BaseException:
            self.drop(watch)
            raise

    def start(self, watch: Watch) -> None:
        """Start sending for the watch, after its ``watching`` frame was sent."""
        if not watch.closed:
            watch.started = True
            self._schedule_progress(watch)
            self.ready(watch)

    def ready(self, watch: Watch) -> None:
        """Schedule the watch: it has something to send. Must be called in the loop's thread."""
        if watch.started and not watch.closed:
            self._ready[watch] = None
            self._wake.set()

    def drop(self, watch: Watch) -> None:
        if self.watches.get(watch.id) is watch:
            del self.watches[watch.id]
        self._ready.pop(watch, None)
        watch.close()

    def enqueue(self, text: str) -> None:
        """Schedule a frame that belongs to no watch, without waiting for the client."""
        self._frames.append(text)
        self._wake.set()

    def close(self) -> None:
        self._closed = True
        if self._heartbeat_timer is not None:
            self._heartbeat_timer.cancel()
        for watch in list(self.watches.values()):
            self.drop(watch)

    def _open(self, watch: Watch) -> tuple[int, str]:
        request = watch.request
        try:
            subscription = self._storage.subscribe(
                prefix=request.selector.prefix,
                key=request.selector.key,
                since=request.since,
                epoch=request.epoch,
                notify=lambda: self.ready(watch),
                loop=self._loop,
            )
        finally:
            self._storage.release()
        position, epoch = subscription.position, subscription.epoch
        if request.snapshot:
            watch.snapshot = SnapshotReader(self._storage, request.selector, position, epoch)
        watch.subscription = subscription
        # If it was closed in the meantime, close() did not see the subscription.
        if watch.closed:
            subscription.close()
        return position, epoch

    # Sending

    async def run(self) -> None:
        """Send until cancelled, serving the watches in turn."""
        self._send_heartbeat()
        while True:
            await self._wake.wait()
            while self._ready or self._frames:
                while self._frames:
                    await self._send(self._frames.popleft())
                if self._ready:
                    watch = next(iter(self._ready))
                    del self._ready[watch]
                    await self._serve(watch)
            self._wake.clear()
            self._idle_since = self._loop.time()

    def _send_heartbeat(self) -> None:
        """Send a heartbeat if no frame has been sent for ``heartbeat`` seconds.

        A single timer checks this periodically. A timer per frame, cancelled by the next frame,
        would be garbage that survives the young generations of the garbage collector. With many
        sockets, each full collection stops the process for a tenth of a second.
        """
        left = self._idle_since + self._heartbeat - self._loop.time()
        if left <= 0 or self._wake.is_set():
            left = self._heartbeat
            # A pending frame serves the same purpose.
            if not self._wake.is_set():
                self.enqueue(HEARTBEAT)
        self._heartbeat_timer = self._loop.call_later(left, self._send_heartbeat)

    async def _serve(self, watch: Watch) -> None:
        try:
            await self._send_next(watch)
        except RevisionCompacted as error:
            if not watch.closed:
                self.drop(watch)
                await self._send(protocol.error(error, watch.id))
        except StorageUnavailable as error:
            self._report(watch, error)
            self._loop.call_later(RETRY_INTERVAL, self.ready, watch)

    def _report(self, watch: Watch, error: StorageUnavailable) -> None:
        # The tail logs its own failures, once for all sockets.
        if watch.snapshot is not None and not watch.reported:
            watch.reported = True
            logger.warning("%s: cannot read a snapshot; retrying: %s", self._storage.alias, error)

    async def _send_next(self, watch: Watch) -> None:
        subscription = watch.subscription
        if subscription is None:
            raise RuntimeError(f"the watch {watch.id!r} was started before it was opened")
        if watch.snapshot is not None:
            await self._send_snapshot(watch, watch.snapshot)
        elif subscription.pending:
            await self._send_changes(watch, subscription)
        if watch.snapshot is not None or subscription.pending:
            # After the other watches of this socket: one that is far behind must not starve them.
            self.ready(watch)
        elif watch.progress_due and not watch.closed:
            await self._send_progress(watch, subscription.bookmark)

    async def _send_snapshot(self, watch: Watch, reader: SnapshotReader) -> None:
        read = sync_to_async(self._read_snapshot, thread_sensitive=False)
        await self._send_for(watch, await read(watch.id, reader))
        if reader.done:
            watch.snapshot = None

    async def _send_changes(self, watch: Watch, subscription: Subscription) -> None:
        batches = subscription.take()
        if batches is None or sum(batch.size for batch in batches) > LARGE:
            prepare = sync_to_async(self._prepare, thread_sensitive=False)
            batches = await prepare(subscription, batches)
        await self._send_for(watch, protocol.changes(watch.id_text, batches))

    async def _send_for(self, watch: Watch, texts: Iterable[str]) -> None:
        for text in texts:
            if watch.closed:
                return
            await self._send(text)

    async def _send_progress(self, watch: Watch, revision: int) -> None:
        watch.progress_due = False
        self._schedule_progress(watch)
        await self._send(protocol.dumps({"type": "progress", "id": watch.id, "revision": revision}))

    def _schedule_progress(self, watch: Watch) -> None:
        if watch.request.progress is not None:
            watch.timer = self._loop.call_later(
                watch.request.progress, self._progress_is_due, watch
            )

    def _progress_is_due(self, watch: Watch) -> None:
        watch.progress_due = True
        self.ready(watch)

    # These run in threads of the pool, because encoding megabytes would block the loop. They
    # release the storage's connections, which the thread would keep until the process ends.

    def _prepare(self, subscription: Subscription, batches: list[Batch] | None) -> list[Batch]:
        try:
            batches = self._read(subscription) if batches is None else batches
            for batch in batches:
                protocol.encode(batch)
            return batches
        finally:
            self._storage.release()

    def _read(self, subscription: Subscription) -> list[Batch]:
        try:
            return subscription.read()
        except RevisionAhead:
            # The store was emptied or set back: an error about its epoch says more.
            self._storage.log_state().check(subscription.position, subscription.epoch)
            raise

    def _read_snapshot(self, id: str, reader: SnapshotReader) -> list[str]:
        try:
            return [
                protocol.snapshot(id, reader.revision, reader.epoch, entries, more)
                for entries, more in reader.read()
            ]
        finally:
            self._storage.release()
