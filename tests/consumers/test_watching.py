"""watch, changes and unwatch: the frames that a client gets while a storage changes."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction

from agent_master_storage import Delete, Write, actor, storages
from agent_master_storage.testing.base import TIMEOUT
from agent_master_storage.watch.log import PAGE_BYTES

from .client import Socket, revisions, write_in_thread
from .conftest import POSTGRESQL, SQLITE


async def test_representation_of_a_change(storage: Any) -> None:
    with actor("alice"):
        await storage.awrite("k", b"before")
    async with Socket(storage.alias) as socket:
        answer = await socket.watch("a", key="k")
        assert answer == {
            "type": "watching",
            "id": "a",
            "revision": 1,
            "epoch": await storage.aepoch(),
        }
        with actor("alice"):
            await storage.awrite("k", "bäh".encode())
        [change] = await socket.changes()
    at = change.pop("at")
    assert at.endswith("Z")
    assert change == {
        "type": "write",
        "key": "k",
        "value": "bäh",
        "encoding": "utf-8",
        "revision": 2,
        "previous_revision": 1,
        "actor": "alice",
    }


async def test_delete_has_no_value(storage: Any) -> None:
    await storage.awrite("k", b"")
    async with Socket(storage.alias) as socket:
        await socket.watch()
        await storage.adelete("k")
        [change] = await socket.changes()
    assert (change["type"], change["value"], change["encoding"]) == ("delete", None, None)
    assert (change["revision"], change["previous_revision"]) == (2, 1)


async def test_bytes_that_are_not_utf8_are_base64(storage: Any) -> None:
    values = [b"\xff\x00", b"\x80", b"", b"\x00", b'{"a": 1}', "\u2028\U0001f600".encode()]
    async with Socket(storage.alias) as socket:
        await socket.watch()
        for value in values:
            await storage.awrite("k", value)
        found = await socket.changes_until(len(values))
    encodings = [change["encoding"] for change in found]
    assert encodings == ["base64", "base64", "utf-8", "utf-8", "utf-8", "utf-8"]
    for change, value in zip(found, values, strict=True):
        text = change["value"]
        got = base64.b64decode(text) if change["encoding"] == "base64" else text.encode()
        assert got == value


async def test_key_is_not_a_prefix(storage: Any) -> None:
    keys = ["a", "a:", "a:b", "b", "a%", "a_", "á", "A"]
    async with Socket(storage.alias) as socket:
        await socket.watch("key", key="a")
        await socket.watch("prefix", prefix="a:")
        await socket.watch("percent", prefix="a%")
        await socket.watch("all", prefix="")
        await storage.acommit([Write(key, b"") for key in keys])
        found = {}
        for _ in range(4):
            frame = await socket.receive()
            found[frame["id"]] = [change["key"] for change in frame["changes"]]
        await socket.nothing()
    assert found == {"key": ["a"], "prefix": ["a:", "a:b"], "percent": ["a%"], "all": keys}


async def test_commit_is_one_frame(storage: Any) -> None:
    await storage.awrite("old", b"")
    async with Socket(storage.alias) as socket:
        await socket.watch()
        await storage.acommit([Write("a", b"1"), Delete("old"), Write("b", b"2")])
        found = await socket.changes()
    assert [(change["type"], change["key"]) for change in found] == [
        ("write", "a"),
        ("delete", "old"),
        ("write", "b"),
    ]
    assert revisions(found) == [2, 2, 2]


@pytest.mark.parametrize(
    "using", [pytest.param("default", marks=SQLITE), pytest.param("postgres", marks=POSTGRESQL)]
)
async def test_transaction_is_one_frame(using: str) -> None:
    storage = storages[using]

    def write() -> None:
        with transaction.atomic(using):
            for number in range(5):
                storage.write(f"k{number}", b"")

    async with Socket(using) as socket:
        await socket.watch()
        await sync_to_async(write)()
        assert revisions(await socket.changes()) == [1, 2, 3, 4, 5]


@SQLITE
async def test_transaction_rolled_back_sends_nothing() -> None:
    storage = storages["default"]

    def fail() -> None:
        with pytest.raises(RuntimeError), transaction.atomic():
            storage.write("k", b"")
            raise RuntimeError

    async with Socket("default") as socket:
        await socket.watch()
        await sync_to_async(fail)()
        await socket.nothing()
        await storage.awrite("k", b"")
        assert revisions(await socket.changes()) == [1]


async def test_frames_end_near_4_mib_and_between_revisions(memory: Any) -> None:
    value = bytes(b"x" * 500_000)
    for number in range(12):
        await memory.acommit([Write(f"{part}:{number}", value) for part in "abc"])
    frames = []
    async with Socket() as socket:
        await socket.watch(since=0)
        while not frames or frames[-1]["revision"] < 12:
            text = await socket.text()
            assert len(text) < PAGE_BYTES + 4 * len(value)
            frames.append(json.loads(text))
    assert len(frames) > 3
    for frame in frames:
        found = revisions(frame["changes"])
        assert all(found.count(revision) == 3 for revision in found)
        assert frame["revision"] == found[-1]
    assert revisions([c for f in frames for c in f["changes"]]) == sorted(list(range(1, 13)) * 3)


async def test_nothing_is_sent_after_unwatched(memory: Any) -> None:
    stop = asyncio.Event()

    async def write() -> None:
        while not stop.is_set():
            await memory.awrite("k", b"")
            await asyncio.sleep(0)

    async with Socket() as socket:
        writer = asyncio.create_task(write())
        for _ in range(5):
            await socket.watch("a")
            await socket.changes()
            await socket.send(op="unwatch", id="a")
            while (frame := await socket.receive())["type"] == "changes":
                pass
            assert frame == {"type": "unwatched", "id": "a"}
            await socket.nothing()
        stop.set()
        await writer


async def test_id_can_be_reused_after_unwatch(memory: Any) -> None:
    async with Socket() as socket:
        await socket.watch("a", key="x")
        assert await socket.ask(op="unwatch", id="a") == {"type": "unwatched", "id": "a"}
        await socket.watch("a", key="y")
        await memory.awrite("x", b"")
        await memory.awrite("y", b"")
        assert [change["key"] for change in await socket.changes()] == ["y"]


@pytest.mark.parametrize("id", ["x", "ключ", "\U0001f511", '\x00\x1f"\\', " ", "i" * 128])
async def test_ids_are_arbitrary_text(memory: Any, id: str) -> None:
    async with Socket() as socket:
        await socket.watch(id, snapshot=True, progress=0.1)
        await socket.snapshot(id)
        await memory.awrite("k", b"")
        await socket.changes(id)
        assert await socket.receive() == {"type": "progress", "id": id, "revision": 1}
        await socket.send(op="watch", id=id, key="k")
        await socket.error("id_in_use", id)
        await socket.send(op="unwatch", id=id)
        while (frame := await socket.receive())["type"] == "progress":
            pass
        assert frame == {"type": "unwatched", "id": id}


@pytest.mark.parametrize("key", ["schlüssel:ß", "\U0001f511/%2F?#[]*", " a ", '"\\', "k" * 512])
async def test_keys_are_arbitrary_text(storage: Any, key: str) -> None:
    async with Socket(storage.alias) as socket:
        await socket.watch("key", key=key)
        await socket.watch("prefix", prefix=key)
        await storage.awrite(key, b"")
        for changes in await socket.changes_of("key", "prefix"):
            assert [change["key"] for change in changes] == [key]


async def test_same_watch_under_two_ids(memory: Any) -> None:
    async with Socket() as socket:
        await socket.watch("a", key="k")
        await socket.watch("b", key="k")
        await memory.awrite("k", b"")
        one, other = await socket.changes_of("a", "b")
        assert one == other


async def test_many_writers_and_sockets(storage: Any) -> None:
    # Each socket gets every change once and in order.
    writers, writes = 4, 25
    sockets = [Socket(storage.alias) for _ in range(5)]
    for socket in sockets:
        assert await socket.connect()
        await socket.watch()
    await asyncio.gather(*(write_in_thread(storage, f"k{n}", writes) for n in range(writers)))
    for socket in sockets:
        found = await socket.changes_until(writers * writes)
        assert revisions(found) == list(range(1, writers * writes + 1))
        await socket.communicator.disconnect(timeout=TIMEOUT)
