"""Sends what the watches of one socket have to tell, as fast as the client takes it.

One task a socket. It takes from a subscription only when the frame before has been taken by
the client's connection, so that a slow client costs no memory: what it has not had is in the
log.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from asgiref.sync import sync_to_async

from ..backends.logged import LoggedStorage
from ..exceptions import RevisionAhead, RevisionCompacted, StorageUnavailable
from ..watch import Batch, Subscription
from . import protocol
from .protocol import WatchRequest
from .snapshot import SnapshotReader

logger = logging.getLogger("agent_master_storage.consumers")

#: seconds until the store is read again after it could not be reached
RETRY_INTERVAL = 1.0
#: bytes of values from which changes are encoded in a thread
LARGE = 64 * 1024
HEARTBEAT = '{"type":"heartbeat"}'


class Watch:
    """One subscription of a socket, and what it still has to tell first."""

    def __init__(self, request: WatchRequest) -> None:
        self.request = request
        self.id = request.id
        self.id_text = protocol.dumps(request.id)
        self.subscription: Subscription | None = None
        #: the snapshot, as long as it is not sent
        self.snapshot: SnapshotReader | None = None
        self.progress_due = False
        self.timer: asyncio.TimerHandle | None = None
        #: ``watching`` has been said
        self.started = False
        #: it was logged that its snapshot can't be read
        self.reported = False
        self.closed = False

    def close(self) -> None:
        """Nothing more is sent for it."""
        self.closed = True
        if self.timer is not None:
            self.timer.cancel()
        if self.subscription is not None:
            self.subscription.close()


class Outbox:
    """The watches of one socket, and the task that sends for them.

    ``heartbeat``: seconds without a frame after which one is sent, to keep proxies from closing.
    """

    def __init__(
        self, storage: LoggedStorage, send: Callable[[str], Awaitable[None]], heartbeat: float
    ) -> None:
        self.watches: dict[str, Watch] = {}
        self._storage = storage
        self._send = send
        self._heartbeat = heartbeat
        self._loop = asyncio.get_running_loop()
        self._ready: dict[Watch, None] = {}
        self._sayings: deque[str] = deque()
        self._wake = asyncio.Event()
        self._closed = False
        # When it last had said all that there was, and the timer that looks at that.
        self._busy_at = self._loop.time()
        self._pulse: asyncio.TimerHandle | None = None

    # Watches

    async def open(self, watch: Watch) -> tuple[int, str]:
        """Subscribe; returns revision and epoch. The id is taken from here on."""
        self.watches[watch.id] = watch
        watch.closed = self._closed
        try:
            return await sync_to_async(self._open, thread_sensitive=False)(watch)
        except BaseException:
            self.drop(watch)
            raise

    def start(self, watch: Watch) -> None:
        """Begin to send for it; ``watching`` has been said."""
        if not watch.closed:
            watch.started = True
            self._schedule_progress(watch)
            self.ready(watch)

    def ready(self, watch: Watch) -> None:
        """There is something to send for it. In the loop's thread."""
        if watch.started and not watch.closed:
            self._ready[watch] = None
            self._wake.set()

    def drop(self, watch: Watch) -> None:
        if self.watches.get(watch.id) is watch:
            del self.watches[watch.id]
        self._ready.pop(watch, None)
        watch.close()

    def say(self, text: str) -> None:
        """Have a frame sent that is no watch's; does not wait for the client."""
        self._sayings.append(text)
        self._wake.set()

    def close(self) -> None:
        self._closed = True
        if self._pulse is not None:
            self._pulse.cancel()
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
        # Who closed it meanwhile did not see the subscription.
        if watch.closed:
            subscription.close()
        return position, epoch

    # Sending

    async def run(self) -> None:
        """Send until cancelled, each watch in its turn."""
        self._beat()
        while True:
            await self._wake.wait()
            while self._ready or self._sayings:
                while self._sayings:
                    await self._send(self._sayings.popleft())
                if self._ready:
                    watch = next(iter(self._ready))
                    del self._ready[watch]
                    await self._serve(watch)
            self._wake.clear()
            self._busy_at = self._loop.time()

    def _beat(self) -> None:
        """Say that the socket lives, if nothing else has said so for long.

        One timer that looks now and then: one for each frame, cancelled by the next, would be
        garbage that outlives the young generations, and with many sockets each full
        collection stops the process for a tenth of a second.
        """
        left = self._busy_at + self._heartbeat - self._loop.time()
        if left <= 0 or self._wake.is_set():
            left = self._heartbeat
            # What is under way says so too.
            if not self._wake.is_set():
                self.say(HEARTBEAT)
        self._pulse = self._loop.call_later(left, self._beat)

    async def _serve(self, watch: Watch) -> None:
        try:
            await self._tell(watch)
        except RevisionCompacted as error:
            if not watch.closed:
                self.drop(watch)
                await self._send(protocol.error(error, watch.id))
        except StorageUnavailable as error:
            self._report(watch, error)
            self._loop.call_later(RETRY_INTERVAL, self.ready, watch)

    def _report(self, watch: Watch, error: StorageUnavailable) -> None:
        # What the tail can't read it reports itself, once for all sockets.
        if watch.snapshot is not None and not watch.reported:
            watch.reported = True
            logger.warning(
                "%s: a snapshot can't be read and is tried again: %s", self._storage.alias, error
            )

    async def _tell(self, watch: Watch) -> None:
        subscription = watch.subscription
        assert subscription is not None
        if watch.snapshot is not None:
            await self._tell_snapshot(watch, watch.snapshot)
        elif subscription.pending:
            await self._tell_changes(watch, subscription)
        if watch.snapshot is not None or subscription.pending:
            # The others of this socket first: one that is far behind must not starve them.
            self.ready(watch)
        elif watch.progress_due and not watch.closed:
            await self._tell_progress(watch, subscription.bookmark)

    async def _tell_snapshot(self, watch: Watch, reader: SnapshotReader) -> None:
        read = sync_to_async(self._read_snapshot, thread_sensitive=False)
        await self._send_for(watch, await read(watch.id, reader))
        if reader.done:
            watch.snapshot = None

    async def _tell_changes(self, watch: Watch, subscription: Subscription) -> None:
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

    async def _tell_progress(self, watch: Watch, revision: int) -> None:
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

    # In threads of the pool, which would keep a connection for as long as the process lives.
    # Encoding megabytes would hold up the loop.

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
            # The store was emptied or set back. That its epoch is another says more.
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
