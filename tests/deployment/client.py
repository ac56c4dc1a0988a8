"""Websocket clients of real servers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from ..consumers.client import Frame, basic
from ..support.processes import Server

#: seconds to wait for what must come
TIMEOUT = 30.0


class Client:
    """A socket that sends and receives frames."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def receive(self) -> Frame:
        async with asyncio.timeout(TIMEOUT):
            frame: Frame = json.loads(await self.connection.recv())
        return frame

    async def watch(self, id: str = "a", **fields: Any) -> Frame:
        if "key" not in fields:
            fields.setdefault("prefix", "")
        await self.send(op="watch", id=id, **fields)
        answer = await self.receive()
        assert (answer["type"], answer["id"]) == ("watching", id), answer
        return answer

    async def changes_until(self, revision: int) -> list[Frame]:
        found: list[Frame] = []
        while not found or found[-1]["revision"] < revision:
            frame = await self.receive()
            assert frame["type"] == "changes", frame
            found += frame["changes"]
        return found

    async def closed(self) -> int | None:
        """Return the code of the close, skipping the frames before it."""
        async with asyncio.timeout(TIMEOUT):
            try:
                while True:
                    await self.connection.recv()
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else None


@asynccontextmanager
async def client(
    server: Server, alias: str = "default", **headers: str | None
) -> AsyncIterator[Client]:
    """Connect as pytest-django's ``admin_user``; None in ``headers`` omits a default one."""
    named = {"Authorization": basic("admin"), **headers}
    async with connect(
        f"{server.ws}/ws/storage/{alias}/",
        additional_headers={name: value for name, value in named.items() if value is not None},
        max_size=None,
        # Without recv() the client does not read from the network.
        max_queue=1,
        proxy=None,
        close_timeout=1,
        open_timeout=TIMEOUT,
    ) as connection:
        yield Client(connection)


@asynccontextmanager
async def clients(
    server: Server, count: int, alias: str = "default"
) -> AsyncIterator[list[Client]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(client(server, alias)) for _ in range(count)]


def processes_of(pid: int) -> list[psutil.Process]:
    """Return the process and all its descendants."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def cpu_seconds(processes: list[psutil.Process]) -> float:
    """Return the CPU time that the processes have used."""
    times = [process.cpu_times() for process in processes]
    return sum(one.user + one.system for one in times)


def resident_mib(processes: list[psutil.Process]) -> float:
    return float(sum(process.memory_info().rss for process in processes) / 1024**2)


async def ended(server: Server, within: float) -> float:
    """Return the seconds until the server process has ended, at most ``within``."""
    began = time.monotonic()
    while server.process.poll() is None:
        assert time.monotonic() - began < within, server.log.read_text()[-2000:]
        await asyncio.sleep(0.02)
    return time.monotonic() - began
