"""A websocket client in the process of the test, and what the tests say to the server."""

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

#: long enough for what must not come to come, if it did
A_WHILE = 0.15


def basic(name: str, password: str = "password") -> str:
    """The Authorization header of a user."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


class Line(WebsocketCommunicator):
    """A connection that takes ``backlog`` frames which the client has not read; 0: any number."""

    backlog = 0

    @property
    def output_queue(self) -> asyncio.Queue[Any]:
        if self._output_queue is None:
            self._output_queue = asyncio.Queue(self.backlog)
        return self._output_queue


class Socket:
    """One websocket to ``alias``, by default of pytest-django's ``admin_user``.

    ``headers``: further ones, None leaves one out; ``limits``: attributes of the consumer.
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
        self.line = Line(
            application,
            f"/ws/storage/{alias}/",
            [
                (name.replace("_", "-").encode(), value.encode("latin1"))
                for name, value in named.items()
                if value is not None
            ],
        )
        self.line.backlog = backlog
        if user is not None:
            self.line.scope["user"] = user

    async def connect(self) -> bool:
        """Whether the handshake was accepted."""
        accepted, _ = await self.line.connect(TIMEOUT)
        return accepted

    async def __aenter__(self) -> Self:
        assert await self.connect()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if not self.line.future.done():
            await self.line.disconnect(timeout=TIMEOUT)

    # Frames

    async def send(self, **frame: Any) -> None:
        await self.send_text(json.dumps(frame))

    async def send_text(self, text: str) -> None:
        await self.line.send_input({"type": "websocket.receive", "text": text})

    async def message(self) -> Frame:
        """The next thing that the server says, as ASGI has it."""
        message: Frame = await self.line.receive_output(TIMEOUT)
        return message

    async def text(self) -> str:
        message = await self.message()
        assert message["type"] == "websocket.send", message
        text: str = message["text"]
        # No server can send what is no UTF-8.
        text.encode()
        return text

    async def receive(self) -> Frame:
        """The next frame; heartbeats are left out."""
        while True:
            frame: Frame = json.loads(await self.text())
            if frame["type"] != "heartbeat":
                return frame

    async def closed(self) -> int:
        """The code with which the server closes now."""
        message = await self.message()
        assert message["type"] == "websocket.close", message
        code: int = message["code"]
        return code

    async def nothing(self) -> None:
        """The server says nothing for a while."""
        assert await self.line.receive_nothing(A_WHILE)

    async def ask(self, **frame: Any) -> Frame:
        await self.send(**frame)
        return await self.receive()

    async def watch(self, id: str = "a", **fields: Any) -> Frame:
        """Watch, of everything if the fields do not say what; the answer, which is no error."""
        if "key" not in fields:
            fields.setdefault("prefix", "")
        answer = await self.ask(op="watch", id=id, **fields)
        assert answer["type"] == "watching", answer
        assert answer["id"] == id
        return answer

    async def changes(self, id: str = "a") -> list[Frame]:
        """The changes of the next frame, which is one of changes."""
        frame = await self.receive()
        assert (frame["type"], frame["id"]) == ("changes", id), frame
        assert frame["revision"] == frame["changes"][-1]["revision"]
        found: list[Frame] = frame["changes"]
        return found

    async def changes_of(self, *ids: str) -> list[list[Frame]]:
        """The changes of the next frames, one for each of these watches, whichever comes first."""
        frames = [await self.receive() for _ in ids]
        found = {frame["id"]: frame["changes"] for frame in frames if frame["type"] == "changes"}
        assert sorted(found) == sorted(ids), frames
        return [found[id] for id in ids]

    async def changes_until(self, revision: int, id: str = "a") -> list[Frame]:
        """All changes up to that revision, which must be the last of a frame."""
        found = await self.changes(id)
        while found[-1]["revision"] < revision:
            found += await self.changes(id)
        assert found[-1]["revision"] == revision
        return found

    async def snapshot(self, id: str = "a") -> tuple[Frame, list[Frame]]:
        """The last page of a snapshot, and the entries of all pages."""
        entries: list[Frame] = []
        while True:
            page = await self.receive()
            assert (page["type"], page["id"]) == ("snapshot", id), page
            entries += page["entries"]
            if not page["more"]:
                return page, entries

    async def error(self, code: str, id: str | None = None) -> Frame:
        """The next frame, which is that error; the socket still works after it."""
        frame = await self.receive()
        assert (frame["type"], frame["code"], frame["id"]) == ("error", code, id), frame
        assert frame["detail"]
        return frame

    async def works(self) -> bool:
        return await self.ask(op="ping") == {"type": "pong"}


def revisions(changes: list[Frame]) -> list[int]:
    return [change["revision"] for change in changes]


async def write_in_thread(storage: Any, key: str, count: int) -> None:
    """Write from a thread of its own: awrite() would queue with the others of this loop."""

    def write() -> None:
        try:
            for number in range(count):
                storage.write(key, b"%d" % number)
        finally:
            storage.release()

    await asyncio.to_thread(write)
