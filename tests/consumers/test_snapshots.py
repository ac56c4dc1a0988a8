"""Snapshots, followed by changes without gap or repetition, in the memory of one page."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from agent_master_storage import Delete, Write, storages
from agent_master_storage.consumers.snapshot import SnapshotReader
from agent_master_storage.exceptions import RevisionCompacted, StorageUnavailable
from agent_master_storage.testing.base import Worker
from agent_master_storage.watch import Selector
from agent_master_storage.watch.log import PAGE_BYTES

from ..backends.redis import stores
from .client import Frame, Socket, revisions

#: so large that a page holds only a few
BIG = 1_000_000


async def test_snapshot_of_an_empty_storage(storage: Any) -> None:
    async with Socket(storage.alias) as socket:
        answer = await socket.watch(snapshot=True)
        assert await socket.receive() == {
            "type": "snapshot",
            "id": "a",
            "revision": 0,
            "epoch": answer["epoch"],
            "entries": [],
            "more": False,
        }
        await storage.awrite("k", b"")
        assert revisions(await socket.changes()) == [1]


async def test_representation_of_an_entry(storage: Any) -> None:
    await storage.awrite("k", b"1")
    await storage.awrite("k", b"\xff")
    async with Socket(storage.alias) as socket:
        await socket.watch(key="k", snapshot=True)
        page, [entry] = await socket.snapshot()
    assert page["revision"] == 2
    assert entry.pop("updated_at").endswith("Z")
    assert entry == {
        "key": "k",
        "value": "/w==",
        "encoding": "base64",
        "revision": 2,
        "created_revision": 1,
        "actor": "",
    }


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        ({"key": "a"}, ["a"]),
        ({"key": "c"}, []),
        ({"prefix": "a"}, ["a", "a:1", "a:2"]),
        ({"prefix": "a:"}, ["a:1", "a:2"]),
        ({"prefix": ""}, ["a", "a:1", "a:2", "b"]),
        ({"prefix": "zzz"}, []),
    ],
    ids=str,
)
async def test_snapshot_has_matching_entries_only(
    memory: Any, fields: Any, keys: list[str]
) -> None:
    await memory.acommit([Write(key, b"") for key in ("b", "a:2", "a:1", "a")])
    async with Socket() as socket:
        answer = await socket.watch(snapshot=True, **fields)
        page, entries = await socket.snapshot()
        assert [entry["key"] for entry in entries] == keys
        assert page["revision"] == answer["revision"] == 1


async def test_pages_end_near_4_mib(storage: Any) -> None:
    names = [f"k{number:02}" for number in range(12)]
    for name in names:
        await storage.awrite(name, b"x" * BIG)
    async with Socket(storage.alias) as socket:
        await socket.watch(snapshot=True)
        pages = []
        while not pages or pages[-1]["more"]:
            pages.append(await socket.receive())
            assert sum(len(entry["value"]) for entry in pages[-1]["entries"]) < PAGE_BYTES + BIG
        assert len(pages) == 3
        assert {page["revision"] for page in pages} == {12}
        assert [entry["key"] for page in pages for entry in page["entries"]] == names


async def test_many_small_entries_are_paged(memory: Any) -> None:
    names = [f"k{number:04}" for number in range(2500)]
    for start in range(0, 2500, 500):
        await memory.acommit([Write(name, b"") for name in names[start : start + 500]])
    async with Socket() as socket:
        await socket.watch(snapshot=True)
        _page, entries = await socket.snapshot()
    assert [entry["key"] for entry in entries] == names


async def test_snapshot_and_changes_are_gapless_under_writers(storage: Any) -> None:
    # Snapshot plus changes must equal the state of the storage, whenever the watch started.
    stop = threading.Event()

    def write(writer: int) -> None:
        number = 0
        # Throttled: on a busy machine a watch could fall behind by more than the log holds.
        while not stop.wait(0.0005):
            number += 1
            key = f"{writer}:{number % 7}"
            storage.commit([Write(key, b"%d" % number), Write(f"{writer}:last", b"%d" % number)])
            storage.commit([Delete(key)])

    workers = [Worker(lambda w=w: write(w), storage.release) for w in range(2)]
    for worker in workers:
        worker.start()
    async with Socket(storage.alias) as socket:
        states: dict[str, State] = {}
        for number in range(8):
            await asyncio.sleep(0.02)
            await socket.send(op="watch", id=str(number), prefix="", snapshot=True)
        while len(states) < 8:
            await follow(socket, states)
        stop.set()
        await asyncio.to_thread(lambda: [worker.finish() for worker in workers])
        end = await storage.arevision()
        while any(state.revision < end for state in states.values()):
            await follow(socket, states)
    entries = {entry.key: entry.value.decode() for entry in await storage.aentries()}
    for state in states.values():
        assert state.entries == entries


async def follow(socket: Socket, states: dict[str, State]) -> None:
    frame = await socket.receive()
    if frame["type"] == "watching":
        states[frame["id"]] = State()
    else:
        states[frame["id"]].take(frame)


class State:
    """The state that a client builds from the frames of one watch."""

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}
        self.revision = -1
        self._complete = False

    def take(self, frame: Frame) -> None:
        if frame["type"] == "snapshot":
            assert not self._complete
            self.entries.update((entry["key"], entry["value"]) for entry in frame["entries"])
            assert all(entry["revision"] <= frame["revision"] for entry in frame["entries"])
            self.revision, self._complete = frame["revision"], not frame["more"]
            return
        assert self._complete
        found = revisions(frame["changes"])
        # Every revision exactly once.
        assert sorted(set(found)) == list(range(self.revision + 1, frame["revision"] + 1))
        for change in frame["changes"]:
            if change["type"] == "write":
                self.entries[change["key"]] = change["value"]
            else:
                del self.entries[change["key"]]
        self.revision = frame["revision"]


# SnapshotReader: writes between two pages


def reader_of(storage: Any, **selection: Any) -> SnapshotReader:
    state = storage.log_state()
    return SnapshotReader(storage, Selector.of(**selection), state.revision, state.epoch)


def rest(reader: SnapshotReader) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    while not reader.done:
        for entries, _ in reader.read():
            keys = [entry.key for entry in entries]
            assert keys == sorted(keys)
            assert not found.keys() & set(keys)
            found.update((entry.key, entry.value) for entry in entries)
    return found


def test_changes_between_pages_are_undone(storage: Any) -> None:
    for number in range(12):
        storage.write(f"k{number:02}", b"x" * BIG)
    storage.write("k99", b"last")
    before = {entry.key: entry.value for entry in storage.entries()}
    reader = reader_of(storage)
    [(entries, more)] = reader.read()
    assert more
    found = {entry.key: entry.value for entry in entries}
    # Before, at and after the position of the reader: changed, deleted, created, both.
    storage.write("k00", b"changed")
    storage.delete("k01")
    storage.write("k08", b"changed")
    storage.delete("k09")
    storage.write("k095", b"new")
    storage.write("k10x", b"new")
    storage.delete("k10x")
    storage.delete("k11")
    storage.write("k11", b"again")
    storage.delete("k99")
    storage.write("z", b"new")
    assert found | rest(reader) == before


def test_all_entries_are_deleted_between_pages(storage: Any) -> None:
    for number in range(12):
        storage.write(f"k{number:02}", b"x" * BIG)
    before = {entry.key: entry.value for entry in storage.entries()}
    reader = reader_of(storage)
    storage.commit([Delete(key) for key in before])
    assert rest(reader) == before


def test_all_entries_are_new(storage: Any) -> None:
    reader = reader_of(storage)
    for number in range(12):
        storage.write(f"k{number:02}", b"x" * BIG)
    assert rest(reader) == {}


@pytest.mark.parametrize("key", ["k", "gone"])
def test_key_as_of_the_revision(storage: Any, key: str) -> None:
    storage.write("k", b"before")
    reader = reader_of(storage, key=key)
    storage.commit([Write("k", b"after"), Write("gone", b"new")])
    assert rest(reader) == ({"k": b"before"} if key == "k" else {})


def test_changes_outside_the_selector_do_not_matter(storage: Any) -> None:
    storage.write("a:1", b"")
    reader = reader_of(storage, prefix="a:")
    for number in range(5):
        storage.write(f"b:{number}", b"")
    assert rest(reader) == {"a:1": b""}


def test_compacted_log_raises(storage: Any) -> None:
    storage.write("k", b"1")
    reader = reader_of(storage)
    storage.write("k", b"2")
    storage.compact(2)
    with pytest.raises(RevisionCompacted):
        rest(reader)


def test_new_epoch_raises(storage: Any) -> None:
    storage.write("k", b"1")
    reader = reader_of(storage)
    storage.new_epoch()
    with pytest.raises(RevisionCompacted):
        rest(reader)


def test_failed_read_can_be_repeated(storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        storage.write(f"k{number:02}", b"x" * BIG)
    reader, page, failures = reader_of(storage), storage.page, []

    def failing(*args: Any, **kwargs: Any) -> Any:
        if len(failures) < 6:
            failures.append(args)
            if len(failures) % 2:
                raise StorageUnavailable("as the test wants it")
        return page(*args, **kwargs)

    monkeypatch.setattr(storage, "page", failing)
    found: dict[str, bytes] = {}
    while not reader.done:
        try:
            for entries, _ in reader.read():
                found.update((entry.key, entry.value) for entry in entries)
        except StorageUnavailable:
            continue
    assert len(failures) == 6
    assert found == {entry.key: entry.value for entry in storage.entries()}


async def test_socket_retries_a_failed_snapshot(
    memory: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # The failure is logged once.
    await memory.awrite("k", b"")
    page, failures = memory.page, []

    def failing(*args: Any, **kwargs: Any) -> Any:
        if len(failures) < 3:
            failures.append(args)
            raise StorageUnavailable("as the test wants it")
        return page(*args, **kwargs)

    monkeypatch.setattr(memory, "page", failing)
    monkeypatch.setattr("agent_master_storage.consumers.outbox.RETRY_INTERVAL", 0.02)
    async with Socket() as socket:
        await socket.watch(snapshot=True)
        _, entries = await socket.snapshot()
        assert (len(entries), len(failures)) == (1, 3)
    assert caplog.text.count("cannot read a snapshot; retrying: as the test") == 1


async def test_redis_key_of_another_type_is_skipped() -> None:
    # A Redis list under the name of a key.
    redis: Any = storages["redis"]
    await redis.awrite("good", b"")
    stores.spoil(redis, "list")
    async with Socket("redis") as socket:
        for number, (fields, keys) in enumerate((({"key": "list"}, []), ({}, ["good"]))):
            await socket.watch(f"{number}", snapshot=True, **fields)
            _, entries = await socket.snapshot(f"{number}")
            assert [entry["key"] for entry in entries] == keys


async def test_socket_reports_a_compacted_log(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # The client reads its snapshot so slowly that the log has been compacted.
    for number in range(12):
        await memory.awrite(f"k{number:02}", b"x" * BIG)
    async with Socket(backlog=1) as socket:
        await socket.watch(snapshot=True)
        assert (await socket.receive())["more"]
        await memory.awrite("k00", b"")
        await memory.awrite("k11", b"")
        await memory.acompact(14)
        while (frame := await socket.receive())["type"] == "snapshot":
            assert frame["more"]
        assert (frame["code"], frame["id"], frame["oldest"]) == ("revision_compacted", "a", 15)
        # The id can be used again.
        await socket.watch(snapshot=True)
