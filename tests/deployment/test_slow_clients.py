"""Clients that do not read, on real servers: the buffers of the connection stay full."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

import pytest

from agent_master_storage import storages

from .client import client, processes_of, resident_mib
from .conftest import start

pytestmark = pytest.mark.django_db(transaction=True)

VALUE = 250_000
WRITES = 160
#: allowed growth of the process: the ring and its frames, and a page per slow socket
BOUND_MIB = 120


async def test_slow_clients_cost_little_and_miss_nothing(admin_user: Any) -> None:
    # 40 MB of changes and 5 sockets that do not read: buffering everything would take 200 MB.
    storage = storages["default"]
    with start("uvicorn", 1) as server:
        async with AsyncExitStack() as stack, client(server) as quick:
            await quick.watch()
            slow = [await stack.enter_async_context(client(server)) for _ in range(5)]
            for socket in slow:
                await socket.watch()
            before = resident_mib(processes_of(server.process.pid))
            delays = []
            for number in range(WRITES):
                began = time.monotonic()
                await storage.awrite(f"k{number}", b"x" * VALUE)
                frame = await quick.receive()
                delays.append(time.monotonic() - began)
                assert frame["changes"][0]["key"] == f"k{number}"
            grown = resident_mib(processes_of(server.process.pid)) - before
            assert sorted(delays)[WRITES // 2] < 1
            assert grown < BOUND_MIB, f"{grown:.0f} MiB"
            for socket in slow:
                found = await socket.changes_until(WRITES)
                assert [c["revision"] for c in found] == list(range(1, WRITES + 1))
        print(f"slow sockets: the server grew by {grown:.0f} MiB", end=" ")


async def test_unread_snapshots_cost_little(admin_user: Any) -> None:
    # A hundred watches request a snapshot of 30 MB.
    storage = storages["default"]
    for number in range(60):
        await storage.awrite(f"k{number:02}", b"x" * 500_000)
    with start("uvicorn", 1) as server:
        before = resident_mib(processes_of(server.process.pid))
        async with client(server) as slow, client(server) as quick:
            for number in range(100):
                await slow.send(op="watch", id=str(number), prefix="", snapshot=True)
            await asyncio.sleep(1)
            grown = resident_mib(processes_of(server.process.pid)) - before
            assert grown < BOUND_MIB, f"{grown:.0f} MiB"
            await quick.watch()
            slow.connection.transport.abort()
    print(f"unread snapshots: the server grew by {grown:.0f} MiB", end=" ")
