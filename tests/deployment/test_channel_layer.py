"""Wake-ups of other processes through a channel layer, on PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from agent_master_storage import storages

from ..support import servers
from ..support.processes import Server, asgi_server
from .client import Client, client

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])

CORE = "channels_redis.core.RedisChannelLayer"
PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"

WRITES = 8
#: long enough for polling to slow down
PAUSE = 1.3


@pytest.fixture
def layer(settings: Any, redis_url: str) -> Any:
    """Configure a channel layer in this process and return its environment for servers."""

    def configure(backend: str, url: str = redis_url) -> dict[str, str]:
        settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend, "CONFIG": {"hosts": [url]}}}
        return {"TEST_CHANNEL_LAYER": backend, "TEST_REDIS_URL": url}

    return configure


@pytest.fixture
def storage() -> Any:
    return storages["postgres"]


async def delays(socket: Client, storage: Any) -> list[float]:
    """Return the latency of changes at a socket whose server has been idle for a while."""
    found = []
    for number in range(WRITES):
        await asyncio.sleep(PAUSE if number % 4 == 0 else 0.3)
        began = time.monotonic()
        await storage.awrite("k", b"%d" % number)
        [change] = (await socket.receive())["changes"]
        found.append(time.monotonic() - began)
        assert change["value"] == str(number)
    return found


def report(what: str, found: list[float]) -> None:
    median, worst = statistics.median(found) * 1000, max(found) * 1000
    print(f"\n{what}: median {median:.1f} ms, worst {worst:.1f} ms", end=" ")


@pytest.mark.parametrize("backend", [CORE, PUBSUB])
async def test_layer_wakes_another_process(
    admin_user: Any, storage: Any, layer: Any, backend: str
) -> None:
    with asgi_server("uvicorn", 1, **layer(backend)) as server:
        async with client(server, "postgres") as socket:
            await socket.watch(key="k")
            report(backend, await delays(socket, storage))


async def test_polling_without_a_layer(uvicorn: Server, storage: Any) -> None:
    async with client(uvicorn, "postgres") as socket:
        await socket.watch(key="k")
        report("polling", await delays(socket, storage))


async def test_outage_of_the_layer(
    admin_user: Any, storage: Any, layer: Any, redis_url: str
) -> None:
    # The server of the layer becomes unreachable and later returns.
    gate = Gate(redis_url)
    await gate.open()
    with asgi_server("uvicorn", 1, **layer(CORE, gate.url)) as server:
        async with client(server, "postgres") as socket:
            await socket.watch(key="k")
            await write_and_receive(storage, socket, "before")
            await gate.shut()
            for number in range(3):
                await write_and_receive(storage, socket, f"without {number}")
            assert "polling goes on" in server.log.read_text()
            await gate.open()
            await write_and_receive(storage, socket, "again")
    await gate.shut()


class Gate:
    """A proxy to Redis that can be shut, which breaks connections and accepts no new ones."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._port = servers.free_port()
        self._open: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}{self._target.path}"

    async def open(self) -> None:
        self._open = await asyncio.start_server(self._connect, "127.0.0.1", self._port)

    async def shut(self) -> None:
        assert self._open is not None
        self._open.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._writers |= {writer, back}
        await asyncio.gather(pump(reader, back), pump(there, writer))


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


async def write_and_receive(storage: Any, socket: Client, value: str) -> None:
    await storage.awrite("k", value.encode())
    [change] = (await socket.receive())["changes"]
    assert change["value"] == value
