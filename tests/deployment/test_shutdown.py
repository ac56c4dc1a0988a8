"""SIGTERM with open sockets and streams: all are closed and the server ends."""

from __future__ import annotations

import asyncio
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from agent_master_storage import storages

from ..consumers.client import basic
from ..support.processes import Server
from .client import client, clients, ended
from .conftest import start

pytestmark = pytest.mark.django_db(transaction=True)

#: seconds within which a server must end
LIMIT = 5.0
#: stops its network before the signal handlers run, so frames in transit may be lost
HASTY = "granian"
SERVERS = [
    ("uvicorn", 1, 1012),
    ("uvicorn", 2, 1012),
    ("granian", 2, 1012),
    # They allow only code 1000 and the codes of applications.
    ("daphne", 1, 4012),
    ("runserver", 1, 4012),
]


@pytest.mark.parametrize(("kind", "workers", "code"), SERVERS)
async def test_shutdown_with_fifty_sockets_and_a_stream(
    admin_user: Any, kind: str, workers: int, code: int
) -> None:
    with start(kind, workers) as server:
        async with clients(server, 50) as sockets:
            for number, socket in enumerate(sockets):
                await socket.watch(prefix=f"k{number % 10}", progress=1)
            with event_stream(server):
                await storages["default"].awrite("k1", b"")
                server.process.terminate()
                codes = await asyncio.gather(*(socket.closed() for socket in sockets))
                await ended(server, LIMIT)
        assert set(codes) <= ({code, None} if kind == HASTY else {code})


@contextmanager
def event_stream(server: Server) -> Iterator[Any]:
    headers = {"Accept": "text/event-stream", "Authorization": basic("admin")}
    request = urllib.request.Request(f"{server.url}/storage/default/changes", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.readline().startswith(b"retry:")
        yield response


@pytest.mark.parametrize("kind", ["uvicorn", "granian", "daphne"])
async def test_shutdown_under_load(admin_user: Any, kind: str) -> None:
    # Snapshots, changes and closes at the same time.
    storage = storages["default"]
    for number in range(20):
        await storage.awrite(f"k{number}", b"x" * 100_000)
    with start(kind, 1) as server:
        async with clients(server, 10) as sockets:
            for socket in sockets:
                await socket.send(op="watch", id="a", prefix="", snapshot=True)
            writing = asyncio.create_task(keep_writing(storage))
            await asyncio.sleep(0.2)
            server.process.terminate()
            codes = await asyncio.gather(*(socket.closed() for socket in sockets))
            await ended(server, LIMIT)
            writing.cancel()
            assert set(codes) <= ({1012, None} if kind == HASTY else {1012, 4012})
            assert "Traceback" not in server.log.read_text()


async def keep_writing(storage: Any) -> None:
    while True:
        await storage.awrite("k", b"x" * 10_000)
        await asyncio.sleep(0.005)


async def test_client_resumes_on_the_next_server(admin_user: Any) -> None:
    storage = storages["default"]
    with start("uvicorn", 1) as server:
        async with client(server) as socket:
            answer = await socket.watch()
            await storage.awrite("k", b"one")
            [seen] = await socket.changes_until(answer["revision"] + 1)
            server.process.terminate()
            assert await socket.closed() == 1012
    await storage.awrite("k", b"two")
    with start("granian", 1) as server:
        async with client(server) as socket:
            await socket.watch(since=seen["revision"], epoch=answer["epoch"])
            [change] = await socket.changes_until(seen["revision"] + 1)
            assert change["value"] == "two"


def test_ports_are_released(admin_user: Any) -> None:
    # No worker of a server that has ended may hold its port.
    with start("uvicorn", 2) as server:
        server.process.terminate()
        assert server.process.wait(LIMIT) == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), 1)
