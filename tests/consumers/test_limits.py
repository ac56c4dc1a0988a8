"""Limits of a socket: watches, frames and their size."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from agent_master_storage import Write
from agent_master_storage.consumers.consumer import StorageConsumer
from agent_master_storage.consumers.protocol import TokenBucket

from .client import Socket


async def test_hundreds_of_watches_receive_changes(storage: Any) -> None:
    count = 400
    async with Socket(storage.alias) as socket:
        for number in range(count):
            fields = {"prefix": f"k{number:03}"} if number % 2 else {"key": f"k{number:03}"}
            await socket.send(op="watch", id=str(number), **fields)
        answers = [await socket.receive() for _ in range(count)]
        assert [answer["id"] for answer in answers] == [str(number) for number in range(count)]
        await storage.acommit([Write(f"k{number:03}", b"%d" % number) for number in range(count)])
        heard = {}
        for _ in range(count):
            frame = await socket.receive()
            [change] = frame["changes"]
            heard[frame["id"]] = change["value"]
    assert heard == {str(number): str(number) for number in range(count)}


async def test_limit_of_a_thousand_watches(memory: Any) -> None:
    limit = StorageConsumer.max_watches
    assert limit == 1000
    async with Socket() as socket:
        for number in range(limit):
            await socket.watch(str(number), key="k")
        await socket.send(op="watch", id="more", key="k")
        error = await socket.error("too_many_watches", "more")
        assert str(limit) in error["detail"]
        await memory.awrite("k", b"")
        assert {(await socket.receive())["id"] for _ in range(limit)} == set(map(str, range(limit)))
        # After an unwatch another watch is possible.
        assert (await socket.ask(op="unwatch", id="7"))["type"] == "unwatched"
        await socket.watch("more", key="k")
        await socket.send(op="watch", id="7", key="k")
        await socket.error("too_many_watches", "7")


async def test_limit_of_the_frame_size() -> None:
    limit = StorageConsumer.max_frame_size
    frame = json.dumps({"op": "watch", "id": "a", "prefix": ""})
    async with Socket() as socket:
        await socket.send_text(frame.ljust(limit))
        assert (await socket.receive())["type"] == "watching"
        for text in (frame.ljust(limit + 1), "x" * 10 * limit):
            await socket.send_text(text)
            error = await socket.error("frame_too_large")
            assert str(limit) in error["detail"]
        assert await socket.works()


async def test_frames_above_the_rate_limit_are_dropped_with_an_error() -> None:
    async with Socket(limits={"max_rate": 20.0, "max_burst": 5.0}) as socket:
        for number in range(12):
            await socket.send(op="watch", id=str(number), key="k")
        answers = [await socket.receive() for _ in range(12)]
        assert [answer["type"] for answer in answers[:5]] == ["watching"] * 5
        dropped = [answer for answer in answers if answer["type"] == "error"]
        assert len(dropped) >= 5
        assert {(error["code"], error["id"]) for error in dropped} == {("rate_limited", None)}
        assert "20 frames per second" in dropped[0]["detail"]
        await asyncio.sleep(0.3)
        assert await socket.works()


async def test_burst_of_hundreds_of_watches_is_allowed() -> None:
    async with Socket() as socket:
        for number in range(StorageConsumer.max_watches):
            await socket.send(op="watch", id=str(number), key="k")
        answers = [await socket.receive() for _ in range(StorageConsumer.max_watches)]
        assert {answer["type"] for answer in answers} == {"watching"}


def test_token_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("agent_master_storage.consumers.protocol.time.monotonic", lambda: now[0])
    bucket = TokenBucket(rate=2.0, burst=3.0)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now[0] += 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]
    now[0] += 60
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
