"""A client that does not read costs little memory, slows no other down, and misses nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent_master_storage.consumers.outbox import Outbox

from .client import A_WHILE, Socket, revisions


@pytest.fixture
def small_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make subscriptions that fall behind read the log."""
    monkeypatch.setattr("agent_master_storage.watch.ring.MAX_BATCHES", 5)


async def test_slow_client_catches_up_completely(storage: Any, small_ring: None) -> None:
    async with Socket(storage.alias, backlog=1) as slow, Socket(storage.alias) as quick:
        await slow.watch("one", key="k")
        await slow.watch("all", prefix="")
        await quick.watch()
        for number in range(200):
            await storage.awrite("k" if number % 2 else "other", b"%d" % number)
        # The other client did not wait for it.
        assert len(await quick.changes_until(200)) == 200
        found: dict[str, list[int]] = {"one": [], "all": []}
        while len(found["one"]) < 100 or len(found["all"]) < 200:
            frame = await slow.receive()
            found[frame["id"]] += revisions(frame["changes"])
    assert found == {"one": list(range(2, 201, 2)), "all": list(range(1, 201))}


async def test_slow_client_holds_at_most_a_few_frames(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A socket has taken at most one ring of changes that it has not sent.
    taken: list[int] = []
    prepare = Outbox._prepare

    def counting(self: Outbox, *args: Any) -> Any:
        batches = prepare(self, *args)
        taken.append(sum(batch.size for batch in batches))
        return batches

    monkeypatch.setattr(Outbox, "_prepare", counting)
    async with Socket(backlog=1) as slow:
        for number in range(20):
            await slow.watch(str(number), since=0)
        for number in range(120):
            await memory.awrite(f"k{number}", b"x" * 500_000)
            await asyncio.sleep(0)
        await asyncio.sleep(A_WHILE)
        assert sum(taken) <= 16 * 1024 * 1024


async def test_responses_to_a_slow_client_are_not_lost(memory: Any) -> None:
    async with Socket(backlog=1) as slow:
        for number in range(50):
            await slow.send(op="watch", id=str(number), key="k")
        for number in range(50):
            assert (await slow.receive())["id"] == str(number)


async def test_pending_changes_are_not_sent_after_unwatch(memory: Any, small_ring: None) -> None:
    async with Socket(backlog=1) as slow:
        await slow.watch("a")
        for _ in range(30):
            await memory.awrite("k", b"")
        await asyncio.sleep(A_WHILE)
        await slow.send(op="unwatch", id="a")
        frames = []
        while not frames or frames[-1]["type"] != "unwatched":
            frames.append(await slow.receive())
        assert len(frames) <= 3
        await slow.nothing()


async def test_slow_client_disconnects(memory: Any) -> None:
    async with Socket(backlog=1) as slow:
        await slow.watch()
        for _ in range(30):
            await memory.awrite("k", b"")
        await asyncio.sleep(A_WHILE)
    assert memory.tail._subscriptions == {}


async def test_heartbeats_do_not_pile_up(memory: Any) -> None:
    async with Socket(backlog=1, limits={"heartbeat_interval": 0.02}) as slow:
        await asyncio.sleep(5 * A_WHILE)
        # One is in the connection and one is being sent.
        for _ in range(2):
            await slow.text()
        assert slow.communicator.output_queue.qsize() <= 1
        assert await asyncio.wait_for(slow.ask(op="ping"), 5) == {"type": "pong"}
