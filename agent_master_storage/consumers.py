"""The websocket: watches on one storage, as JSON text frames.

::

    > {"op": "watch", "id": "a", "key": "config"}
    < {"type": "watching", "id": "a", "revision": 12, "epoch": "..."}
    < {"type": "changes", "id": "a", "revision": 13, "changes": [...]}
    > {"op": "unwatch", "id": "a"}
    < {"type": "unwatched", "id": "a"}

A frame that can't be understood or done is answered by an ``error`` frame, and the socket
stays. It is closed with 4401 when there is no login, 4403 without permission to view, 4404
for an unknown alias, 1012 when the server stops: connect again and resume with ``since``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from rest_framework.exceptions import APIException

from . import access, shutdown
from .backends.logged import LoggedStorage
from .exceptions import NotSupported, StorageError
from .handler import storages
from .sockets import frames
from .sockets.frames import FrameError
from .sockets.identity import Identity, origin_allowed
from .sockets.limits import Bucket
from .sockets.outbox import Outbox, Watch

logger = logging.getLogger("agent_master_storage.sockets")


class StorageConsumer(AsyncWebsocketConsumer):
    """One socket. The limits are attributes: subclass it to change them."""

    #: characters in a frame of the client
    max_frame_size = 64 * 1024
    #: watches at a time
    max_watches = 1000
    #: frames of the client: a second, and at once
    max_rate = 50.0
    max_burst = 2000.0
    #: seconds between two looks whether the user still may; sooner by up to a fifth
    recheck_interval = 45.0
    #: seconds without a frame after which one is sent, to keep proxies from closing
    heartbeat_interval = 25.0

    # Sockets are fed by the process's tail. A layer would cost each a channel.
    channel_layer_alias = "agent_master_storage: none"

    # Coming and going

    async def connect(self) -> None:
        self.alias = self.scope["url_route"]["kwargs"]["alias"]
        self._identity = Identity(self.scope)
        self._outbox: Outbox | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._forget_shutdown: Callable[[], None] = lambda: None
        if not origin_allowed(self.scope):
            await self.close()
            return
        refusal = await self._refusal()
        await self.accept()
        if refusal is not None:
            await self.close(*refusal)
            return
        await self._open()

    async def _open(self) -> None:
        self._bucket = Bucket(self.max_rate, self.max_burst)
        self._last_sent = time.monotonic()
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(storages[self.alias], self._send_text)  # type: ignore[arg-type]
        self._tasks = [
            asyncio.create_task(self._guarded(self._outbox.run())),
            asyncio.create_task(self._guarded(self._keep_house())),
        ]
        self._forget_shutdown = shutdown.register(self._on_shutdown)

    async def disconnect(self, code: int) -> None:
        self._forget_shutdown()
        for task in self._tasks:
            task.cancel()
        if self._outbox is not None:
            self._outbox.close()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # Also where the server cancels us instead of saying goodbye.
            if hasattr(self, "_forget_shutdown"):
                await self.disconnect(1006)

    def _on_shutdown(self) -> None:
        self._loop.call_soon_threadsafe(
            lambda: self._tasks.append(asyncio.create_task(self._say_goodbye()))
        )

    async def _say_goodbye(self) -> None:
        with contextlib.suppress(Exception):
            await self.close(1012, "the server stops")

    async def _guarded(self, work: Any) -> None:
        """A task whose failure must not leave a silent socket behind."""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("a socket of %s failed", self.alias)
            with contextlib.suppress(Exception):
                await self.close(1011)

    # Frames of the client

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._outbox is None:
            return
        id: Any = None
        try:
            frame = self._parse(text_data)
            id = frame.get("id") if isinstance(frame.get("id"), str) else None
            await self._do(frame)
        except FrameError as error:
            await self._send_text(frames.error(error, error.id or id))
        except StorageError as error:
            await self._send_text(frames.error(error, id))
        except Exception:
            logger.exception("a frame for %s failed", self.alias)
            await self._send_text(
                frames.error(FrameError("error", "internal error, the frame was not done"), id)
            )

    def _parse(self, text: str | None) -> dict[str, Any]:
        if not self._bucket.take():
            raise FrameError(
                "rate_limited",
                f"at most {self.max_rate:g} frames a second; this one was dropped",
            )
        if text is None:
            raise FrameError("invalid_frame", "frames are text, not binary")
        if len(text) > self.max_frame_size:
            raise FrameError(
                "frame_too_large",
                f"a frame has at most {self.max_frame_size} characters",
            )
        return frames.parse(text)

    async def _do(self, frame: dict[str, Any]) -> None:
        op = frame.get("op")
        if op == "watch":
            await self._watch(frame)
        elif op == "unwatch":
            await self._unwatch(frames.id_of(frame))
        elif op == "ping":
            await self._send_text(frames.dumps({"type": "pong"}))
        else:
            raise FrameError("unknown_op", f"op must be watch, unwatch or ping, not {op!r:.100}")

    async def _watch(self, frame: dict[str, Any]) -> None:
        assert self._outbox is not None
        request = frames.watch_request(frame)
        self._check_room(request.id)
        watch = Watch(request)
        if not await sync_to_async(self._may_watch)(watch):
            raise FrameError("permission_denied", "you may not view this", request.id)
        try:
            revision, epoch = await self._outbox.open(watch)
        except AttributeError:
            if isinstance(storages[self.alias], LoggedStorage):
                raise
            raise NotSupported(f"the storage {self.alias!r} can't be watched by socket") from None
        await self._send_text(
            frames.dumps(
                {
                    "type": "watching",
                    "id": watch.id,
                    "revision": revision,
                    "epoch": epoch,
                }
            )
        )
        self._outbox.start(watch)

    def _check_room(self, id: str) -> None:
        assert self._outbox is not None
        if id in self._outbox.watches:
            raise FrameError("id_in_use", f"the id {id!r} is in use", id)
        if len(self._outbox.watches) >= self.max_watches:
            raise FrameError(
                "too_many_watches",
                f"a socket has at most {self.max_watches} watches",
                id,
            )

    async def _unwatch(self, id: str) -> None:
        assert self._outbox is not None
        if id not in self._outbox.watches:
            raise FrameError("unknown_id", f"nothing is watched under the id {id!r}", id)
        self._outbox.drop(id)
        await self._send_text(frames.dumps({"type": "unwatched", "id": id}))

    # Who may

    async def _refusal(self) -> tuple[int, str] | None:
        """Why this visitor is to be closed: the code and a reason."""
        if self.alias not in storages:
            return 4404, "unknown alias"
        return await sync_to_async(self._look_up_refusal)()

    def _look_up_refusal(self) -> tuple[int, str] | None:
        try:
            self._user = self._identity.user()
        except APIException as error:
            return 4401, str(error.detail)[:120]
        if access.may(self._user, "view", self.alias):
            return None
        if not self._user.is_authenticated:
            return 4401, "log in first"
        # A rule that tells keys apart is asked again for each watch.
        return None if access.may_by_key() else (4403, "you may not view this storage")

    def _may_watch(self, watch: Watch) -> bool:
        selector = watch.request.selector
        return access.may(self._user, "view", self.alias, selector.key or selector.prefix)

    async def _recheck(self) -> None:
        assert self._outbox is not None
        refusal = await self._refusal()
        if refusal is not None:
            self._outbox.close()
            await self.close(*refusal)
            return
        watches = list(self._outbox.watches.values())
        lost = await sync_to_async(lambda: [w for w in watches if not self._may_watch(w)])()
        for watch in lost:
            if self._outbox.watches.get(watch.id) is watch:
                self._outbox.drop(watch.id)
                error = FrameError("permission_denied", "you may no longer view this")
                await self._send_text(frames.error(error, watch.id))

    async def _keep_house(self) -> None:
        """Now and then: is the user still allowed, is the line still alive."""
        recheck_at = time.monotonic() + self.recheck_interval * random.uniform(0.8, 1)
        while True:
            beat_at = self._last_sent + self.heartbeat_interval
            await asyncio.sleep(max(0.0, min(beat_at, recheck_at) - time.monotonic()) + 0.01)
            if time.monotonic() >= recheck_at:
                recheck_at = time.monotonic() + self.recheck_interval * random.uniform(0.8, 1)
                await self._recheck()
            if time.monotonic() - self._last_sent >= self.heartbeat_interval:
                await self._send_text('{"type":"heartbeat"}')

    async def _send_text(self, text: str) -> None:
        self._last_sent = time.monotonic()
        await self.base_send({"type": "websocket.send", "text": text})
