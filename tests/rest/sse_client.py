"""A client of server-sent events, and an ASGI client that can disconnect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application
from django.test import AsyncClient

from agent_master_storage import storages

#: seconds to wait for something that should come immediately
TIMEOUT = 20


class Stream:
    """The event stream of one storage."""

    def __init__(self, client: AsyncClient, alias: str, **headers: str) -> None:
        self.client = client
        self.headers = {"Accept": "text/event-stream", **headers}
        self.path = f"/storage/{alias}/changes"
        storage = storages[alias]
        self.storage = storage

    async def request(self, resume: str | None = None, **query: Any) -> Any:
        resuming = {} if resume is None else {"Last-Event-ID": resume}
        return await self.client.get(self.path, query, headers=self.headers | resuming)

    async def open(self, resume: str | None = None, **query: Any) -> Events:
        answer = await self.request(resume, **query)
        assert answer.status_code == 200, answer.content
        return Events(answer)

    async def write(self, key: str, value: bytes = b"x") -> None:
        await self.storage.awrite(key, value)

    async def subscribed(self, count: int) -> None:
        """Wait until this number of subscriptions read the log."""
        async with asyncio.timeout(TIMEOUT):
            while len(self.storage.tail._subscriptions) != count:
                await asyncio.sleep(0.01)


class Events:
    """Read the blocks of a stream as dicts of their fields, with ``data`` parsed."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self._content: AsyncIterator[bytes] = answer.streaming_content
        self._rest = b""

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(TIMEOUT):
            while b"\n\n" not in self._rest:
                self._rest += await anext(self._content)
        block, _, self._rest = self._rest.partition(b"\n\n")
        fields: dict[str, Any] = dict(
            line.split(": ", 1) for line in block.decode().split("\n") if line
        )
        if "data" in fields:
            fields["data"] = json.loads(fields["data"])
        return fields

    async def change(self) -> dict[str, Any]:
        """Return the next event of type ``changes``."""
        while True:
            event = await self.next()
            if "event" in event:
                assert event["event"] == "changes"
                data: dict[str, Any] = event["data"]
                assert event["id"] == f"{data['revision']}:{data['epoch']}"
                assert {change["revision"] for change in data["changes"]} == {data["revision"]}
                return data

    async def end(self) -> dict[str, Any]:
        """Return the last blocks of the stream, which must end now."""
        last: dict[str, Any] = {}
        try:
            while True:
                last = await self.next()
        except StopAsyncIteration:
            return last

    async def close(self) -> None:
        """Close the response as Django does when the client has disconnected."""
        await sync_to_async(self._answer.close, thread_sensitive=False)()


def asgi_request(
    path: str, cookies: str, accept: str = "text/event-stream"
) -> ApplicationCommunicator:
    """A request that can be cancelled at any time."""
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [
            (b"host", b"testserver"),
            (b"accept", accept.encode()),
            (b"cookie", cookies.encode()),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }
    return ApplicationCommunicator(get_asgi_application(), scope)
