"""The websocket: watches on one storage, as JSON text frames.

::

    > {"op": "watch", "id": "a", "key": "config"}
    < {"type": "watching", "id": "a", "revision": 12, "epoch": "..."}
    < {"type": "changes", "id": "a", "revision": 13, "changes": [...]}
    > {"op": "unwatch", "id": "a"}
    < {"type": "unwatched", "id": "a"}

A frame that is malformed or fails gets an ``error`` frame, and the socket stays open. The socket
is closed with code 4401 without a login, 4403 without permission to view, 4404 for an unknown
alias, 1012 (4012 under daphne) when the server shuts down, and 1011 (4011) after an internal
error. After the last two the client should reconnect and resume with ``since``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from rest_framework.exceptions import APIException

from .. import permissions, shutdown
from ..authentication import Identity
from ..exceptions import NotSupported, StorageError
from ..handler import storages
from . import protocol
from .origin import origin_allowed
from .outbox import Outbox, Watch
from .protocol import FrameError, TokenBucket

logger = logging.getLogger("agent_master_storage.consumers")


class ClientGone(Exception):
    """The connection broke during a send, which ASGI servers report as an OSError."""


class StorageConsumer(AsyncWebsocketConsumer):
    """One websocket. The limits are class attributes: subclass it to change them."""

    #: characters in a frame from the client
    max_frame_size = 64 * 1024
    #: concurrent watches
    max_watches = 1000
    #: frames from the client: per second, and in one burst
    max_rate = 50.0
    max_burst = 2000.0
    #: seconds between two checks of the user's permission, randomly shortened by up to 20 %
    recheck_interval = 45.0
    #: seconds until the next attempts if the check fails; after the last the socket is closed
    recheck_pauses = (1.0, 3.0, 8.0)
    #: seconds without a frame after which one is sent, so that proxies keep the connection
    heartbeat_interval = 25.0

    # The tail of the process feeds the sockets. A channel layer would cost each a channel.
    channel_layer_alias = "agent_master_storage: none"

    # Connect and disconnect

    async def connect(self) -> None:
        shutdown.listen()
        self.alias = self.scope["url_route"]["kwargs"]["alias"]
        self._identity = Identity(self.scope)
        # None before connect() and after the end: nothing may be sent.
        self._outbox: Outbox | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._unregister: Callable[[], None] = lambda: None
        if not origin_allowed(self.scope):
            await self.close()
            return
        rejection = await database_sync_to_async(self._rejection)()
        await self.accept()
        if rejection is not None:
            await self.close(*rejection)
            return
        self._open()

    def _open(self) -> None:
        self._bucket = TokenBucket(self.max_rate, self.max_burst)
        self._loop = asyncio.get_running_loop()
        # A storage that cannot be watched is rejected at the first watch.
        self._outbox = Outbox(storages[self.alias], self._send_text, self.heartbeat_interval)
        self._start(self._outbox.run)
        self._start(self._keep_checking)
        self._unregister = shutdown.register(self._on_shutdown, self._loop)

    def _start(self, work: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.create_task(self._guarded(work)))

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run a task; if it fails, close the socket, which would stay open and silent otherwise."""
        try:
            await work()
        except ClientGone:
            # disconnect() is called as well.
            return
        except Exception:
            logger.exception("%s: unhandled exception in a websocket", self.alias)
            await self._end(1011, "internal error")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        except ClientGone:
            return
        except asyncio.CancelledError:
            # Some servers end their sockets like this, without a websocket.disconnect.
            await self._close_for_shutdown()
            await asyncio.sleep(shutdown.GOODBYE_TIME)
            raise
        finally:
            self._release()

    async def disconnect(self, code: int) -> None:
        self._release()

    def _release(self) -> None:
        """Stop sending and release everything. Safe to call repeatedly and before connect()."""
        outbox: Outbox | None = getattr(self, "_outbox", None)
        if outbox is None:
            return
        self._outbox = None
        self._unregister()
        outbox.close()
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()

    async def _end(self, code: int, reason: str) -> None:
        """Close the socket and send nothing before that, even if frames are pending."""
        if self._outbox is None:
            return
        # A server that shuts down waits for this socket until it is unregistered.
        unregister, self._unregister = self._unregister, lambda: None
        self._release()
        try:
            await self.close(code, reason)
        except Exception:
            # daphne rejects the codes of the protocol itself, except 1000.
            with contextlib.suppress(Exception):
                await self.close(4000 + code % 1000, reason)
        finally:
            unregister()

    def _on_shutdown(self) -> None:
        self._loop.call_soon_threadsafe(lambda: self._start(self._close_for_shutdown))

    async def _close_for_shutdown(self) -> None:
        if getattr(self, "_outbox", None) is not None:
            await self._end(1012, "server shutdown")

    # Frames from the client

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._outbox is None:
            return
        frame: dict[str, Any] = {}
        try:
            frame = self._parse(text_data)
            await self._execute(frame, self._outbox)
        except StorageError as error:
            await self._send_text(protocol.error(error, frame.get("id")))
        except ClientGone:
            raise
        except Exception:
            logger.exception("%s: unhandled exception in a frame", self.alias)
            failure = FrameError("error", "internal error; the frame had no effect")
            await self._send_text(protocol.error(failure, frame.get("id")))

    def _parse(self, text: str | None) -> dict[str, Any]:
        if not self._bucket.take():
            raise FrameError(
                "rate_limited",
                f"at most {self.max_rate:g} frames per second; this one was dropped",
            )
        if text is None:
            raise FrameError("invalid_frame", "frames must be text, not binary")
        if len(text) > self.max_frame_size:
            raise FrameError(
                "frame_too_large",
                f"a frame may have at most {self.max_frame_size} characters",
            )
        return protocol.parse(text)

    async def _execute(self, frame: dict[str, Any], outbox: Outbox) -> None:
        op = protocol.op_of(frame)
        if op == "watch":
            await self._watch(protocol.watch_request(frame), outbox)
        elif op == "unwatch":
            await self._unwatch(protocol.id_of(frame), outbox)
        else:
            await self._send_text(protocol.dumps({"type": "pong"}))

    async def _watch(self, request: protocol.WatchRequest, outbox: Outbox) -> None:
        self._check_limits(request.id, outbox)
        watch = Watch(request)
        if not await database_sync_to_async(self._may_watch)(watch):
            raise FrameError("permission_denied", "you do not have permission to view this")
        revision, epoch = await outbox.open(watch)
        answer = {"type": "watching", "id": watch.id, "revision": revision, "epoch": epoch}
        await self._send_text(protocol.dumps(answer))
        outbox.start(watch)

    def _check_limits(self, id: str, outbox: Outbox) -> None:
        if not storages[self.alias].supports_resume:
            raise NotSupported(f"the storage {self.alias!r} does not support watches by websocket")
        if id in outbox.watches:
            raise FrameError("id_in_use", f"the id {id!r} is already in use")
        if len(outbox.watches) >= self.max_watches:
            raise FrameError(
                "too_many_watches", f"a socket may have at most {self.max_watches} watches"
            )

    async def _unwatch(self, id: str, outbox: Outbox) -> None:
        watch = outbox.watches.get(id)
        if watch is None:
            raise FrameError("unknown_id", f"there is no watch with the id {id!r}")
        outbox.drop(watch)
        await self._send_text(protocol.dumps({"type": "unwatched", "id": id}))

    async def _send_text(self, text: str) -> None:
        if self._outbox is None:
            return
        try:
            await self.base_send({"type": "websocket.send", "text": text})
        except OSError as error:
            raise ClientGone from error

    # Permissions

    def _rejection(self) -> tuple[int, str] | None:
        """Return the close code and the reason for this user, or None to accept the socket."""
        try:
            self._user = self._identity.user()
        except APIException as error:
            return 4401, str(error.detail)[:120]
        if not self._user.is_authenticated and not permissions.may(self._user, "view", self.alias):
            return 4401, "login required"
        if self.alias not in storages:
            return 4404, "unknown alias"
        # A policy that distinguishes keys is evaluated again for each watch.
        if permissions.may_by_key() or permissions.may(self._user, "view", self.alias):
            return None
        return 4403, "you do not have permission to view this storage"

    def _may_watch(self, watch: Watch) -> bool:
        selector = watch.request.selector
        return permissions.may(self._user, "view", self.alias, selector.key or selector.prefix)

    async def _keep_checking(self) -> None:
        """Check the user's permission again and again while the socket is open."""
        while True:
            await asyncio.sleep(self.recheck_interval * random.uniform(0.8, 1))
            for delay in self.recheck_pauses:
                try:
                    await self._recheck()
                    break
                except Exception as error:
                    logger.warning(
                        "%s: cannot check the permission of a websocket's user: %r",
                        self.alias,
                        error,
                    )
                    await asyncio.sleep(delay)
            else:
                await self._recheck()

    async def _recheck(self) -> None:
        rejection = await database_sync_to_async(self._rejection)()
        outbox = self._outbox
        if outbox is None:
            return
        if rejection is not None:
            await self._end(*rejection)
            return
        watches = list(outbox.watches.values())
        for watch in await database_sync_to_async(self._revoked)(watches):
            if not watch.closed:
                outbox.drop(watch)
                error = FrameError(
                    "permission_denied", "you no longer have permission to view this"
                )
                outbox.enqueue(protocol.error(error, watch.id))

    def _revoked(self, watches: list[Watch]) -> list[Watch]:
        return [watch for watch in watches if not self._may_watch(watch)]
