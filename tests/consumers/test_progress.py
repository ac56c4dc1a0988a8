"""Progress frames and heartbeats."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from .client import A_WHILE, Socket, write_in_thread


async def test_progress_has_the_revision(storage: Any) -> None:
    async with Socket(storage.alias) as socket:
        await socket.watch(key="wanted", progress=0.1)
        for number in range(3):
            await storage.awrite("other", b"%d" % number)
        frame = {"revision": 0}
        while frame["revision"] < 3:
            frame = await socket.receive()
            assert (frame["type"], frame["id"]) == ("progress", "a")
        assert frame["revision"] == 3


async def test_progress_never_precedes_the_changes_that_it_covers(storage: Any) -> None:
    async with Socket(storage.alias) as socket:
        await socket.watch(key="wanted", progress=0.1)
        writers = asyncio.gather(
            write_in_thread(storage, "wanted", 40), write_in_thread(storage, "other", 40)
        )
        delivered, claimed, last, ended = set(), 0, 0, time.monotonic() + 20
        while last < 80 and time.monotonic() < ended:
            frame = await socket.receive()
            if frame["type"] == "changes":
                found = [change["revision"] for change in frame["changes"]]
                assert min(found) > claimed
                delivered.update(found)
            else:
                assert frame["revision"] >= claimed
                last = claimed = frame["revision"]
                log = await storage.ahistory(key="wanted")
                assert {c.revision for c in log if c.revision <= claimed} <= delivered
        await writers
        assert len(delivered) == 40


async def test_progress_repeats_at_its_interval(memory: Any) -> None:
    async with Socket() as socket:
        await socket.watch(progress=0.1)
        began = time.monotonic()
        for _ in range(4):
            assert (await socket.receive())["type"] == "progress"
        assert time.monotonic() - began > 0.3


async def test_progress_is_sent_only_on_request(memory: Any) -> None:
    async with Socket() as socket:
        await socket.watch("quiet")
        await socket.watch("loud", progress=0.1)
        for _ in range(3):
            assert (await socket.receive())["id"] == "loud"
        await socket.send(op="unwatch", id="loud")
        while (await socket.receive())["type"] != "unwatched":
            pass
        await socket.nothing()


async def test_progress_comes_after_the_snapshot(memory: Any) -> None:
    for number in range(20):
        await memory.awrite(f"k{number}", b"x" * 600_000)
    async with Socket(backlog=1) as socket:
        await socket.watch(snapshot=True, progress=0.1)
        await asyncio.sleep(A_WHILE)
        _page, entries = await socket.snapshot()
        assert len(entries) == 20
        assert await socket.receive() == {"type": "progress", "id": "a", "revision": 20}


async def test_heartbeat_on_an_idle_socket() -> None:
    async with Socket(limits={"heartbeat_interval": 0.1}) as socket:
        began = time.monotonic()
        for _ in range(3):
            assert await socket.text() == '{"type":"heartbeat"}'
        assert 0.25 < time.monotonic() - began < 5


async def test_no_heartbeat_while_there_are_changes(memory: Any) -> None:
    async with Socket(limits={"heartbeat_interval": 2.0}) as socket:
        await socket.watch()
        for _ in range(10):
            await memory.awrite("k", b"")
            assert '"changes"' in await socket.text()


async def test_heartbeat_interval_starts_at_the_last_change(memory: Any) -> None:
    async with Socket(limits={"heartbeat_interval": 0.3}) as socket:
        await socket.watch()
        await asyncio.sleep(0.2)
        await memory.awrite("k", b"")
        assert '"changes"' in await socket.text()
        changed = time.monotonic()
        assert await socket.text() == '{"type":"heartbeat"}'
        assert 0.25 < time.monotonic() - changed < 5
