"""Large commits beside each other, on few connections, and on servers that do not answer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import redis

from agent_master_storage import Check, Delete, Write
from agent_master_storage.backends.redis import RedisStorage, scripts
from agent_master_storage.backends.redis import transaction as large
from agent_master_storage.exceptions import (
    KeyNotFound,
    RevisionCompacted,
    StorageError,
    StorageUnavailable,
)
from agent_master_storage.testing import Recorder

from .parts import (
    QUESTIONS,
    Crash,
    asks,
    before,
    commit,
    commit_of,
    crash,
    is_whole,
    looks_whether_it_is_alone,
    once_before,
    operations,
    writes,
)

Make = Callable[..., RedisStorage]

# Not each kind: what differs between them is between these, and the contract is for all.
pytestmark = pytest.mark.parametrize("server", ["the suite's", "redis-8.2"], indirect=True)
STAGED = asks(scripts.STAGE)
TRIMMED = asks(scripts.TRIM)
CHECKS = [Check(f"none{number}", 0) for number in range(101)]


def values(prefix: str, count: int, value: bytes = b"v") -> list[Write]:
    return [Write(f"{prefix}{number}", value) for number in range(count)]


def held(engine: Any, prefix: str) -> None:
    """Until nobody's commit is under way."""
    while engine.exists(f"{prefix}/ahead"):
        time.sleep(0.01)


# One that is late


@pytest.mark.parametrize(
    "mine", [[Write("mine", b"a"), *CHECKS], values("mine", 2, b"a" * 200_000), values("m", 160)]
)
@pytest.mark.parametrize("ends", ["dies", "goes on"])
def test_one_that_is_late_is_taken_for_dead(
    make: Make, engine: redis.Redis, prefix: str, mine: list[Any], ends: str
) -> None:
    """Its record is removed, and another one's stands in its place."""
    late, other = make(), make()
    late.write("before", b"")

    def meanwhile() -> None:
        held(engine, prefix)
        if ends == "goes on":
            other.commit(values("theirs", 101))
        else:
            with pytest.raises(Crash):
                commit_of(other, values("theirs", 160), once_before(STAGED, crash))

    commit_of(late, mine, once_before(looks_whether_it_is_alone, meanwhile))
    held(engine, prefix)
    is_whole(late)
    assert late.entry(mine[0].key).revision == late.revision


def test_the_mark_is_its_owner_s(make: Make, engine: redis.Redis, prefix: str) -> None:
    late, other = make(), make()
    late.write("before", b"")
    left: list[int] = []

    def meanwhile() -> None:
        held(engine, prefix)
        with pytest.raises(Crash):
            commit_of(other, values("theirs", 160), once_before(writes, crash))

    def look(question: Any, number: int) -> None:
        once(question, number)
        if asks(scripts.LEAVE)(question):
            left.append(engine.pttl(f"{prefix}/ahead"))  # type: ignore[arg-type]

    once = once_before(STAGED, meanwhile)
    commit_of(late, values("mine", 160), look)
    # It left before it began anew, and the other's mark stood all the same.
    assert left
    assert left[0] > 0
    is_whole(late)


# The log's limits


@pytest.mark.parametrize(
    ("mine", "theirs", "until", "newest"),
    [(250, 400, writes, 250), (101, 600, TRIMMED, 600)],
    ids=["while another is under way", "after a larger one"],
)
def test_the_log_is_trimmed(make: Make, mine: int, theirs: int, until: Any, newest: int) -> None:
    first, second = make(history_limit=300), make(history_limit=300)
    first.write("before", b"")

    def meanwhile() -> None:
        with pytest.raises(Crash):
            commit_of(second, values("b", theirs), once_before(until, crash))

    commit_of(first, values("a", mine), once_before(TRIMMED, meanwhile))
    assert len(first.history(since=first.revision - 1)) == newest


def test_a_revision_is_never_read_in_part(make: Make) -> None:
    """Many at once, with a log that holds one or two of them."""
    writers, reader = [make(history_limit=300) for _ in range(3)], make(history_limit=300)
    writers[0].write("before", b"")
    sizes: dict[int, int] = {}
    wrong: list[Any] = []
    done = threading.Event()

    def write(number: int) -> None:
        chance = random.Random(number)
        for _ in range(15):
            size = chance.choice([101, 150, 250, 290])
            sizes[writers[number].commit(values(f"t{number}-", size))] = size

    def read() -> None:
        while not done.is_set():
            revision = reader.revision
            try:
                found = Counter(c.revision for c in reader.history(since=revision - 1))
            except RevisionCompacted:
                wrong.extend([revision] if reader.revision == revision else [])
                continue
            wrong.extend(r for r, size in found.items() if r in sizes and sizes[r] != size)

    workers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    watcher = threading.Thread(target=read)
    for worker in (*workers, watcher):
        worker.start()
    for worker in workers:
        worker.join()
    done.set()
    watcher.join()
    assert len(sizes) == 45
    assert wrong == []


def test_none_hinders_another(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """They wait for each other, and none is done twice or falls back."""
    tried: list[bool] = []
    attempt = large.Large._attempt

    def counted(*args: Any) -> Any:
        changes = yield from attempt(*args)
        tried.append(changes is not None)
        return changes

    monkeypatch.setattr(large.Large, "_attempt", counted)
    writers = [make() for _ in range(3)]

    def write(number: int) -> None:
        for _ in range(8):
            writers[number].commit(values(f"t{number}-", 300))

    workers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert tried.count(True) == 24
    assert tried.count(False) <= 2
    is_whole(writers[0])


# Connections


def test_one_connection_is_enough(make: Make) -> None:
    storage = make(max_connections=1, timeout=1)
    assert storage.commit(values("k", 101)) == 1
    assert storage.read("k0") == b"v"


async def test_as_many_tasks_as_connections(make: Make) -> None:
    storage = make(max_connections=3, timeout=5)
    await storage.awrite("before", b"")
    made = [storage.acommit(values(f"t{number}-", 101)) for number in range(6)]
    assert sorted(await asyncio.gather(*made)) == list(range(2, 8))


async def test_tasks_that_are_cancelled(make: Make, engine: redis.Redis, prefix: str) -> None:
    storage, watching = make(), make()
    seen, chance = Recorder(), random.Random(1)
    watching.watch("side", seen)
    for number in range(40):
        task = asyncio.ensure_future(storage.acommit(values("k é", 150, b"%d" % number)))
        side = asyncio.ensure_future(storage.awrite("side", b"%d" % number))
        if number % 7 == 0:
            engine.set(f"{prefix}:k é5", b"theirs%d" % number)
        await asyncio.sleep(chance.random() * 0.03)
        task.cancel()
        await asyncio.wait([task])
        await side
    await storage.awrite("side", b"end")
    await asyncio.to_thread(seen.wait_until, b"end")
    counts = Counter(change.revision for change in await storage.ahistory())
    assert set(counts.values()) <= {1, 150}
    await asyncio.to_thread(is_whole, storage)
    (connections,) = storage._async_server._by_loop.values()
    for connection in connections._free:
        await connection.connect()
        for command in ("MULTI", "PING"):
            await connection.send_command(command)
            await connection.read_response()
        await connection.send_command("EXEC")
        # Nothing was left under WATCH.
        assert await connection.read_response() == [b"PONG"]


def test_nothing_is_left_under_watch(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = make()
    before(storage)

    def never(*args: Any) -> Any:
        yield from ()

    monkeypatch.setattr(large.Large, "_finish", never)
    storage.commit(operations())
    storage.write("k000", b"changed")
    assert storage._server._free
    for link in storage._server._free:
        assert link.ask_together(b"MULTI\r\nPING\r\nEXEC\r\n", 3)[-1] == [b"PONG"]
    is_whole(storage)


def test_after_a_fork(make: Make) -> None:
    storage = make()
    before(storage)

    def fork() -> None:
        process = os.fork()
        if process == 0:
            try:
                storage.write("child", b"")
            finally:
                os._exit(storage.read("child") != b"")
        assert os.waitpid(process, 0)[1] == 0

    commit_of(storage, operations(), once_before(STAGED, fork))
    assert storage.read("child") == b""
    is_whole(storage)


# Servers that refuse, or do not answer


def test_multi_is_refused(make: Make, engine: redis.Redis, server: str) -> None:
    """What follows it would be done all the same."""
    storage = make()
    before(storage)
    user = ("ACL", "SETUSER", "nomulti", "on", ">s", "~*", "&*", "+@all", "-multi")
    engine.execute_command(*user)
    try:
        other = make(url=server.replace("redis://", "redis://nomulti:s@"))
        with pytest.raises(StorageUnavailable, match="ACL"):
            other.commit(operations())
        assert storage.read("k002") == b"before"
        assert storage.revision == 3
        is_whole(storage)
    finally:
        engine.execute_command("ACL", "DELUSER", "nomulti")


@pytest.mark.parametrize(
    ("wanted", "what"), [(STAGED, "nothing"), (writes, "not known"), (TRIMMED, "done")]
)
def test_no_answer_in_time(make: Make, engine: redis.Redis, wanted: Any, what: str) -> None:
    storage, other = make(timeout=0.5), make()
    before(storage)

    def pause() -> None:
        engine.execute_command("CLIENT", "PAUSE", 1000, "ALL")

    try:
        commit_of(storage, operations(), once_before(wanted, pause))
        said = "done"
    except StorageUnavailable as error:
        said = "not known" if "not known" in str(error) else "nothing"
    assert said == what
    time.sleep(1)
    assert other.revision in {"nothing": {3}, "not known": {3, 4}, "done": {4}}[what]
    is_whole(other)


def test_what_is_refused_leaves_nothing_to_poll(make: Make, engine: redis.Redis) -> None:
    storage = make()
    before(storage)
    with pytest.raises(KeyNotFound):
        storage.commit([*values("a", 101), Delete("missing")])
    assert engine.xrevrange(f"{storage.prefix}/log", count=1)[0][0] == b"3-0"


@pytest.mark.parametrize("at", range(QUESTIONS))
def test_everything_is_removed_half_way(
    make: Make, engine: redis.Redis, prefix: str, at: int
) -> None:
    storage = make()
    before(storage)
    epoch = storage.epoch

    def remove() -> None:
        names = list(engine.scan_iter(count=1000))
        engine.delete(*(name for name in names if name.startswith(prefix.encode())))

    # What it was to delete is gone.
    with contextlib.suppress(StorageError):
        commit(storage, at, remove)
    storage.write("after", b"")
    assert storage.epoch != epoch
    is_whole(storage)


@pytest.mark.parametrize("at", range(QUESTIONS))
@pytest.mark.parametrize("name", ["entries", "log", "ahead"])
def test_one_name_is_removed_half_way(
    make: Make, engine: redis.Redis, prefix: str, name: str, at: int
) -> None:
    """As by somebody who removes what he does not know, or by a server that evicts."""
    storage = make()
    before(storage)
    with contextlib.suppress(StorageError):
        commit(storage, at, lambda: engine.delete(f"{prefix}/{name}"))
    made = storage.list()
    assert [storage.write("after", b"") for _ in range(3)] == list(
        range(storage.revision - 2, storage.revision + 1)
    )
    assert storage.list() == sorted({*made, "after"})
    # Whole, or not there; where the entries are gone, each key is taken in by itself.
    try:
        history = storage.history(since=storage.oldest - 1)
    except RevisionCompacted as compacted:
        # A log that is gone is noticed when it is read.
        history = storage.history(since=compacted.oldest - 1)
    counts = Counter(change.revision for change in history)
    assert set(counts.values()) <= {1, 50, 141}
    if name == "ahead":
        is_whole(storage)


def test_a_condition_is_of_one_epoch(make: Make, engine: redis.Redis, prefix: str) -> None:
    """The entries go after the values were compared, and another begins anew."""
    storage, other = make(), make()
    before(storage)

    def remove() -> None:
        engine.delete(f"{prefix}/entries")
        assert other.revision == 0

    made = [*values("new", 101), Write("k001", b"mine", 0)]
    with pytest.raises(StorageError) as caught:
        commit_of(storage, made, once_before(asks(scripts.BEGIN), remove))
    assert getattr(caught.value, "index", None) == 101
    assert storage.read("k001") == b"before"


def test_memory_is_full_and_something_is_left(make: Make, engine: redis.Redis, prefix: str) -> None:
    storage, other = make(), make()
    before(storage)
    with pytest.raises(Crash):
        commit_of(storage, operations(), once_before(STAGED, crash))
    held(engine, prefix)
    limit = engine.config_get("maxmemory")["maxmemory"]
    engine.config_set("maxmemory", 1)
    try:
        with pytest.raises(StorageUnavailable, match="out of memory"):
            other.write("large", b"v" * 100_000, if_revision=0)
    finally:
        engine.config_set("maxmemory", limit)
    is_whole(other)
