"""The websocket: watches on one storage, as JSON text frames.

::

    > {"op": "watch", "id": "a", "key": "config"}
    < {"type": "watching", "id": "a", "revision": 12, "epoch": "..."}
    < {"type": "changes", "id": "a", "revision": 13, "changes": [...]}
    > {"op": "unwatch", "id": "a"}
    < {"type": "unwatched", "id": "a"}

A frame that can't be understood or done is answered by an ``error`` frame, and the socket
stays. It is closed with 4401 when there is no login, 4403 without permission to view, 4404
for an unknown alias, 1012 (4012 under daphne) when the server stops, 1011 (4011) when
something broke: then connect again and resume with ``since``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, cast

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from rest_framework.exceptions import APIException

from .. import permissions, shutdown
from ..authentication import Identity
from ..backends.logged import LoggedStorage
from ..exceptions import NotSupported, StorageError
from ..handler import storages
from . import protocol
from .origin import origin_allowed
from .outbox import Outbox, Watch
from .protocol import FrameError, TokenBucket

logger = logging.getLogger("agent_master_storage.consumers")


class ClientGone(Exception):
    """The connection broke while something was sent: as ASGI has it, an OSError."""


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
    #: seconds to the next attempts when that can't be found out; after the last the socket ends
    recheck_pauses = (1.0, 3.0, 8.0)
    #: seconds without a frame after which one is sent, to keep proxies from closing
    heartbeat_interval = 25.0

    # Sockets are fed by the process's tail. A layer would cost each a channel.
    channel_layer_alias = "agent_master_storage: none"

    # Coming and going

    async def connect(self) -> None:
        shutdown.listen()
        self.alias = self.scope["url_route"]["kwargs"]["alias"]
        self._identity = Identity(self.scope)
        # None: nothing is sent any more, or not yet.
        self._outbox: Outbox | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._forget_shutdown: Callable[[], None] = lambda: None
        if not origin_allowed(self.scope):
            await self.close()
            return
        refusal = await database_sync_to_async(self._refusal)()
        await self.accept()
        if refusal is not None:
            await self.close(*refusal)
            return
        self._open()

    def _open(self) -> None:
        self._bucket = TokenBucket(self.max_rate, self.max_burst)
        self._loop = asyncio.get_running_loop()
        # One that can't be watched is refused with its first watch.
        storage = cast("LoggedStorage", storages[self.alias])
        self._outbox = Outbox(storage, self._send_text, self.heartbeat_interval)
        self._start(self._outbox.run)
        self._start(self._keep_checking)
        self._forget_shutdown = shutdown.register(self._on_shutdown, self._loop)

    def _start(self, work: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.create_task(self._guarded(work)))

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """A task whose failure must not leave a silent socket behind."""
        try:
            await work()
        except ClientGone:
            # We are told so by disconnect() too.
            return
        except Exception:
            logger.exception("a socket of %s failed", self.alias)
            await self._end(1011, "internal error")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        except ClientGone:
            return
        except asyncio.CancelledError:
            # So does a server end its sockets that does not say websocket.disconnect.
            await self._say_goodbye()
            await asyncio.sleep(shutdown.GOODBYE_TIME)
            raise
        finally:
            self._let_go()

    async def disconnect(self, code: int) -> None:
        self._let_go()

    def _let_go(self) -> None:
        """Send nothing any more, and hold nothing. Safe to call again, and before connect()."""
        outbox: Outbox | None = getattr(self, "_outbox", None)
        if outbox is None:
            return
        self._outbox = None
        self._forget_shutdown()
        outbox.close()
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()

    async def _end(self, code: int, reason: str) -> None:
        """Close the socket; nothing is sent before that, whatever was under way."""
        if self._outbox is None:
            return
        # A server that stops waits for us until this is undone.
        said_goodbye, self._forget_shutdown = self._forget_shutdown, lambda: None
        self._let_go()
        try:
            await self.close(code, reason)
        except Exception:
            # daphne lets an application say no code of the protocol's own but 1000.
            with contextlib.suppress(Exception):
                await self.close(4000 + code % 1000, reason)
        finally:
            said_goodbye()

    def _on_shutdown(self) -> None:
        self._loop.call_soon_threadsafe(lambda: self._start(self._say_goodbye))

    async def _say_goodbye(self) -> None:
        if getattr(self, "_outbox", None) is not None:
            await self._end(1012, "the server stops")

    # Frames of the client

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._outbox is None:
            return
        frame: dict[str, Any] = {}
        try:
            frame = self._parse(text_data)
            await self._do(frame, self._outbox)
        except StorageError as error:
            await self._send_text(protocol.error(error, frame.get("id")))
        except ClientGone:
            raise
        except Exception:
            logger.exception("a frame for %s failed", self.alias)
            failure = FrameError("error", "internal error, the frame was not done")
            await self._send_text(protocol.error(failure, frame.get("id")))

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
        return protocol.parse(text)

    async def _do(self, frame: dict[str, Any], outbox: Outbox) -> None:
        op = protocol.op_of(frame)
        if op == "watch":
            await self._watch(protocol.watch_request(frame), outbox)
        elif op == "unwatch":
            await self._unwatch(protocol.id_of(frame), outbox)
        else:
            await self._send_text(protocol.dumps({"type": "pong"}))

    async def _watch(self, request: protocol.WatchRequest, outbox: Outbox) -> None:
        self._check_room(request.id, outbox)
        watch = Watch(request)
        if not await database_sync_to_async(self._may_watch)(watch):
            raise FrameError("permission_denied", "you may not view this")
        revision, epoch = await outbox.open(watch)
        answer = {"type": "watching", "id": watch.id, "revision": revision, "epoch": epoch}
        await self._send_text(protocol.dumps(answer))
        outbox.start(watch)

    def _check_room(self, id: str, outbox: Outbox) -> None:
        if not hasattr(storages[self.alias], "subscribe"):
            raise NotSupported(f"the storage {self.alias!r} can't be watched by socket")
        if id in outbox.watches:
            raise FrameError("id_in_use", f"the id {id!r} is in use")
        if len(outbox.watches) >= self.max_watches:
            raise FrameError("too_many_watches", f"a socket has at most {self.max_watches} watches")

    async def _unwatch(self, id: str, outbox: Outbox) -> None:
        watch = outbox.watches.get(id)
        if watch is None:
            raise FrameError("unknown_id", f"nothing is watched under the id {id!r}")
        outbox.drop(watch)
        await self._send_text(protocol.dumps({"type": "unwatched", "id": id}))

    async def _send_text(self, text: str) -> None:
        if self._outbox is None:
            return
        try:
            await self.base_send({"type": "websocket.send", "text": text})
        except OSError as error:
            raise ClientGone from error

    # Who may

    def _refusal(self) -> tuple[int, str] | None:
        """Why this visitor is to be closed: the code and a reason."""
        try:
            self._user = self._identity.user()
        except APIException as error:
            return 4401, str(error.detail)[:120]
        if not self._user.is_authenticated and not permissions.may(self._user, "view", self.alias):
            return 4401, "log in first"
        if self.alias not in storages:
            return 4404, "unknown alias"
        # A rule that tells keys apart is asked again for each watch.
        if permissions.may_by_key() or permissions.may(self._user, "view", self.alias):
            return None
        return 4403, "you may not view this storage"

    def _may_watch(self, watch: Watch) -> bool:
        selector = watch.request.selector
        return permissions.may(self._user, "view", self.alias, selector.key or selector.prefix)

    async def _keep_checking(self) -> None:
        """Now and then: may the user still?"""
        while True:
            await asyncio.sleep(self.recheck_interval * random.uniform(0.8, 1))
            for pause in self.recheck_pauses:
                try:
                    await self._recheck()
                    break
                except Exception as error:
                    logger.warning("%s: can't look up who is at a socket: %r", self.alias, error)
                    await asyncio.sleep(pause)
            else:
                await self._recheck()

    async def _recheck(self) -> None:
        refusal = await database_sync_to_async(self._refusal)()
        outbox = self._outbox
        if outbox is None:
            return
        if refusal is not None:
            await self._end(*refusal)
            return
        watches = list(outbox.watches.values())
        for watch in await database_sync_to_async(self._lost)(watches):
            if not watch.closed:
                outbox.drop(watch)
                error = FrameError("permission_denied", "you may no longer view this")
                outbox.say(protocol.error(error, watch.id))

    def _lost(self, watches: list[Watch]) -> list[Watch]:
        return [watch for watch in watches if not self._may_watch(watch)]
