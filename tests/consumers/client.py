"""A websocket client in the process of the test."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any, ClassVar, Self

from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.urls import path

from agent_master_storage.consumers.consumer import StorageConsumer
from agent_master_storage.testing.base import TIMEOUT

Frame = dict[str, Any]

#: seconds to wait for a frame that must not come
A_WHILE = 0.15


def basic(name: str, password: str = "password") -> str:
    """Return the Authorization header of a user."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


class BufferedCommunicator(WebsocketCommunicator):
    """A connection that buffers up to ``backlog`` frames for the client; 0: no limit."""

    backlog = 0

    @property
    def output_queue(self) -> asyncio.Queue[Any]:
        if self._output_queue is None:
            self._output_queue = asyncio.Queue(self.backlog)
        return self._output_queue


class Socket:
    """One websocket to ``alias``, by default of pytest-django's ``admin_user``.

    Args:
        headers: Additional headers; None omits a default one.
        limits: Attributes of the consumer to override.
    """

    authorization: ClassVar[str | None] = basic("admin")

    def __init__(
        self,
        alias: str = "memory",
        *,
        backlog: int = 0,
        user: Any = None,
        limits: dict[str, Any] | None = None,
        **headers: str | None,
    ) -> None:
        consumer = type("Consumer", (StorageConsumer,), limits or {})
        application = URLRouter([path("ws/storage/<str:alias>/", consumer.as_asgi())])
        named = {"authorization": self.authorization, "host": "testserver", **headers}
        self.communicator = BufferedCommunicator(
            application,
            f"/ws/storage/{alias}/",
            [
                (name.replace("_", "-").encode(), value.encode("latin1"))
                for name, value in named.items()
                if value is not None
            ],
        )
        self.communicator.backlog = backlog
        if user is not None:
            self.communicator.scope["user"] = user

    async def connect(self) -> bool:
        """Return whether the handshake was accepted."""
        accepted, _ = await self.communicator.connect(TIMEOUT)
        return accepted

    async def __aenter__(self) -> Self:
        assert await self.connect()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if not self.communicator.future.done():
            await self.communicator.disconnect(timeout=TIMEOUT)

    # Frames

    async def send(self, **frame: Any) -> None:
        await self.send_text(json.dumps(frame))

    async def send_text(self, text: str) -> None:
        await self.communicator.send_input({"type": "websocket.receive", "text": text})

    async def message(self) -> Frame:
        """Return the next ASGI message from the server."""
        message: Frame = await self.communicator.receive_output(TIMEOUT)
        return message

    async def text(self) -> str:
        message = await self.message()
        assert message["type"] == "websocket.send", message
        text: str = message["text"]
        # No server can send text that cannot be encoded as UTF-8.
        text.encode()
        return text

    async def receive(self) -> Frame:
        """Return the next frame that is not a heartbeat."""
        while True:
            frame: Frame = json.loads(await self.text())
            if frame["type"] != "heartbeat":
                return frame

    async def closed(self) -> int:
        """Return the code with which the server closes the socket."""
        message = await self.message()
        assert message["type"] == "websocket.close", message
        code: int = message["code"]
        return code

    async def nothing(self) -> None:
        """Check that the server sends nothing for a while."""
        assert await self.communicator.receive_nothing(A_WHILE)

    async def ask(self, **frame: Any) -> Frame:
        await self.send(**frame)
        return await self.receive()

    async def watch(self, id: str = "a", **fields: Any) -> Frame:
        """Watch, by default all keys, and return the response, which must not be an error."""
        if "key" not in fields:
            fields.setdefault("prefix", "")
        answer = await self.ask(op="watch", id=id, **fields)
        assert answer["type"] == "watching", answer
        assert answer["id"] == id
        return answer

    async def changes(self, id: str = "a") -> list[Frame]:
        """Return the changes of the next frame, which must be of type ``changes``."""
        frame = await self.receive()
        assert (frame["type"], frame["id"]) == ("changes", id), frame
        assert frame["revision"] == frame["changes"][-1]["revision"]
        found: list[Frame] = frame["changes"]
        return found

    async def changes_of(self, *ids: str) -> list[list[Frame]]:
        """Return the changes of the next frames, one per watch, in any order."""
        frames = [await self.receive() for _ in ids]
        found = {frame["id"]: frame["changes"] for frame in frames if frame["type"] == "changes"}
        assert sorted(found) == sorted(ids), frames
        return [found[id] for id in ids]

    async def changes_until(self, revision: int, id: str = "a") -> list[Frame]:
        """Return all changes up to a revision, which must be the last of its frame."""
        found = await self.changes(id)
        while found[-1]["revision"] < revision:
            found += await self.changes(id)
        assert found[-1]["revision"] == revision
        return found

    async def snapshot(self, id: str = "a") -> tuple[Frame, list[Frame]]:
        """Return the last page of a snapshot and the entries of all pages."""
        entries: list[Frame] = []
        while True:
            page = await self.receive()
            assert (page["type"], page["id"]) == ("snapshot", id), page
            entries += page["entries"]
            if not page["more"]:
                return page, entries

    async def error(self, code: str, id: str | None = None) -> Frame:
        """Return the next frame, which must be this error; the socket must work after it."""
        frame = await self.receive()
        assert (frame["type"], frame["code"], frame["id"]) == ("error", code, id), frame
        assert frame["detail"]
        return frame

    async def works(self) -> bool:
        return await self.ask(op="ping") == {"type": "pong"}


def revisions(changes: list[Frame]) -> list[int]:
    return [change["revision"] for change in changes]


async def write_in_thread(storage: Any, key: str, count: int) -> None:
    """Write in a separate thread: awrite() would be queued with other calls of this loop."""

    def write() -> None:
        try:
            for number in range(count):
                storage.write(key, b"%d" % number)
        finally:
            storage.release()

    await asyncio.to_thread(write)
