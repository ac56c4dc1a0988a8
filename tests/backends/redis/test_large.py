"""Large commits, which are not one script: at one moment all the same, whoever comes between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
import redis

from agent_master_storage import Check, Delete, Write
from agent_master_storage.backends.redis import RedisStorage
from agent_master_storage.backends.redis import retry as attempts
from agent_master_storage.backends.redis import transaction as large
from agent_master_storage.exceptions import (
    KeyNotFound,
    RevisionConflict,
    StorageUnavailable,
)
from agent_master_storage.testing import take, wait_for

from .parts import BEGUN, QUESTIONS, Crash, before, commit, crash, is_whole, operations

Make = Callable[..., RedisStorage]

# Not each kind: what differs between them is between these, and the contract is for all.
pytestmark = pytest.mark.parametrize("server", ["the suite's", "redis-8.2"], indirect=True)


def kept(client: Any, prefix: str) -> dict[str, Any]:
    """All that is stored, but for the times."""

    def without_time(meta: bytes, place: int) -> bytes:
        words = meta.split(b" ")
        return b" ".join(words[:place] + words[place + 1 :])

    entries = client.hgetall(f"{prefix}/entries")
    state = entries.pop(b"").split(b" ", 1)[1]
    names = sorted(client.scan_iter("*:*", count=1000))
    begin = f"{prefix}:".encode()
    return {
        "values": {name: client.get(name) for name in names if name.startswith(begin)},
        "state": state,
        "entries": {key: without_time(meta, 3) for key, meta in entries.items()},
        "index": client.zrange(f"{prefix}/index", 0, -1),
        "log": [
            (own, without_time(fields.pop(b"m"), 2), fields)
            for own, fields in client.xrange(f"{prefix}/log")
        ],
        "ahead": client.exists(f"{prefix}/ahead"),
    }


def test_it_stores_what_a_script_would(
    make: Make, engine: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = []
    for most in (100, 1000):
        monkeypatch.setattr(large, "MOST_OPERATIONS", most)
        storage = make()
        before(storage)
        changes = storage._apply(operations(), "me")
        assert [change.key for change in changes] == [
            operation.key for operation in operations() if not isinstance(operation, Check)
        ]
        stored.append((kept(engine, prefix), [(c.previous_revision, c.type) for c in changes]))
        is_whole(storage)
        engine.delete(*engine.scan_iter("t*", count=1000))
    assert stored[0] == stored[1]


@pytest.mark.parametrize("kind", [lambda n: Write(f"k{n}", b""), lambda n: Check(f"none{n}", 0)])
@pytest.mark.parametrize("more", [0, 1, 2])
def test_nearly_all_are_of_one_kind(storage: Any, kind: Any, more: int) -> None:
    extra = [Write(f"w{number}", b"v" * number) for number in range(more)]
    storage.write("before", b"")
    storage.commit([*(kind(number) for number in range(101)), *extra])
    assert storage.list("w") == [f"w{number}" for number in range(more)]
    is_whole(storage)
    gone = [Delete(key) for key in storage.list()]
    storage.commit([*(Check(f"none{number}", 0) for number in range(101)), *gone])
    assert storage.list() == []
    is_whole(storage)


async def test_the_twin(make: Make) -> None:
    storage = make()
    await storage.awrite("gone", b"")
    await storage.awrite("gone", b"")
    await storage.awrite("checked", b"")
    assert await storage.acommit(operations()) == 4
    with pytest.raises(KeyNotFound) as caught:
        await storage.acommit(operations())
    assert caught.value.index == 70
    assert await storage.awrite("gone", b"") == 5
    is_whole(storage)


def test_a_refusal_names_the_operation_and_leaves_nothing(
    storage: Any, engine: redis.Redis, prefix: str
) -> None:
    before(storage)
    storage.write("checked", b"moved")
    there = kept(engine, prefix)
    with pytest.raises(RevisionConflict) as caught:
        storage.commit(operations())
    assert (caught.value.index, caught.value.current) == (141, 4)
    # Nobody need wait for what will not be done.
    assert not engine.exists(f"{prefix}/ahead")
    assert storage.write("checked", b"moved") == 5
    assert kept(engine, prefix)["log"][:-1] == there["log"]
    is_whole(storage)


def test_a_name_of_the_wrong_type(storage: Any, engine: redis.Redis, prefix: str) -> None:
    before(storage)
    engine.rpush(f"{prefix}:k120", b"a list")
    with pytest.raises(StorageUnavailable, match="holds no string") as caught:
        storage.commit(operations())
    assert caught.value.index == 60
    assert engine.lrange(f"{prefix}:k120", 0, -1) == [b"a list"]
    assert storage.revision == 3


@pytest.mark.parametrize("at", range(QUESTIONS))
@pytest.mark.parametrize("key", ["k007", "checked", "elsewhere"])
def test_an_engine_writes_between(
    storage: Any, engine: redis.Redis, prefix: str, at: int, key: str
) -> None:
    """Of the commit's keys or not: what it writes is told, and never lost unseen."""
    before(storage)
    try:
        commit(storage, at, lambda: engine.set(f"{prefix}:{key}", b"theirs"))
    except RevisionConflict:
        assert key == "checked"
    storage.list()
    told = [change.value for change in storage.history(key=key)]
    assert b"theirs" in told
    is_whole(storage)
    if storage.revision > 4 and key.startswith("k"):
        # After the commit, or before it.
        assert storage.read(key) in (b"theirs", b"")


@pytest.mark.parametrize("at", range(BEGUN - 2, QUESTIONS))
@pytest.mark.parametrize("key", ["k007", "checked", "elsewhere"])
def test_others_write_between(make: Make, at: int, key: str) -> None:
    """Once the first record is there they wait: here, for one who does not go on meanwhile."""
    storage, other = make(), make()
    before(storage)
    taken: list[int] = []
    try:
        commit(storage, at, lambda: taken.append(other.write(key, b"theirs")))
    except RevisionConflict:
        assert key == "checked"
    assert other.revision == 5 or key == "checked"
    assert taken
    is_whole(storage)


@pytest.mark.parametrize("at", range(BEGUN, QUESTIONS))
@pytest.mark.parametrize("then", ["put", "condition", "large", "engine", "compact"])
def test_a_process_ends_half_way(
    make: Make, engine: redis.Redis, prefix: str, at: int, then: str
) -> None:
    storage, other = make(), make()
    before(storage)

    with pytest.raises(Crash):
        commit(storage, at, crash)
    done = other.revision
    assert done == (4 if at == QUESTIONS - 1 else 3)
    assert [change.revision for change in other.history() if change.last] == [*range(1, done + 1)]
    if then == "put":
        assert other.write("k000", b"new") == done + 1
    elif then == "condition":
        assert other.write("new", b"new", if_revision=0) == done + 1
    elif then == "large":
        again = [Write(f"k{number:03}", b"again") for number in range(200)]
        assert other.commit(again) == done + 1
    elif then == "engine":
        engine.set(f"{prefix}:new", b"theirs")
        assert other.entry("new").revision == done + 1
    else:
        other.compact(2)
        assert other.write("k000", b"new") == done + 1
        (first, *_), last = [change.revision for change in other.history()], other.revision
        assert (first, last) == (3, done + 1)
        return
    is_whole(other)


def test_others_wait_until_it_is_done(make: Make, engine: redis.Redis) -> None:
    storage, other = make(), make()
    before(storage)
    began, found = threading.Event(), []

    def write() -> None:
        began.set()
        found.append(other.write("k000", b"late"))

    worker = threading.Thread(target=write)

    def act() -> None:
        worker.start()
        began.wait()
        asked = _scripts(engine)
        # It asks again and again, and nothing comes of it.
        wait_for(lambda: _scripts(engine) > asked + 3, "asking")

    commit(storage, 8, act)
    worker.join()
    assert found == [5]
    is_whole(storage)


def _scripts(engine: Any) -> int:
    return int(engine.info("commandstats")["cmdstat_evalsha"]["calls"])


def test_whoever_watches_gets_it_whole(make: Make) -> None:
    storage, other = make(), make()
    before(storage)
    for at in range(1, QUESTIONS - 1):
        with other.changes() as changes:
            commit(storage, at, lambda: None)
            seen = take(changes, 141)
            assert [change.last for change in seen] == [False] * 140 + [True]
            storage.write("gone", b"")
    is_whole(storage)


def test_a_watcher_does_not_spin_over_what_is_left(make: Make) -> None:
    storage, other = make(), make()
    before(storage)

    with other.changes() as changes:
        with pytest.raises(Crash):
            commit(storage, 8, crash)
        reads = count()
        read_log = other.read_log
        other.read_log = lambda *a, **k: (next(reads), read_log(*a, **k))[1]  # type: ignore[method-assign]
        threading.Event().wait(0.5)
        assert next(reads) < 15
        assert storage.write("k", b"after") == 4
        assert [change.value for change in take(changes, 1)] == [b"after"]


def test_the_log_is_trimmed_after_it(make: Make) -> None:
    storage = make(history_limit=300)
    for number in range(4):
        storage.commit([Write(f"k{n}", b"%d" % number) for n in range(250)])
        assert len(storage.history()) <= 500
    assert storage.history()[0].revision == storage.oldest > 2


def test_it_becomes_a_script_when_others_write_all_the_time(
    make: Make, engine: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, numbers = make(), count()
    before(storage)
    finish = large.Large._finish

    def disturbed(*args: Any) -> Any:
        engine.set(f"{prefix}:k001", b"%d" % next(numbers))
        return (yield from finish(*args))

    monkeypatch.setattr(large.Large, "_finish", disturbed)
    storage.commit(operations())
    assert next(numbers) == large.ATTEMPTS
    assert storage.read("k001") == b""
    is_whole(storage)


def test_memory_is_full(make: Make, engine: redis.Redis, prefix: str) -> None:
    storage = make()
    before(storage)
    there = kept(engine, prefix)
    limit = engine.config_get("maxmemory")["maxmemory"]
    for at in range(1, QUESTIONS - 1):
        try:
            with pytest.raises(StorageUnavailable, match="out of memory"):
                commit(storage, at, lambda: engine.config_set("maxmemory", 1))
        finally:
            engine.config_set("maxmemory", limit)
        assert storage.revision == 3
    wait_for(lambda: not engine.exists(f"{prefix}/ahead"))
    assert storage.write("k000", b"before") == 4
    assert kept(engine, prefix)["values"] == there["values"]
    is_whole(storage)


def test_it_waits_no_longer_than_is_sensible(
    make: Make, engine: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mark of one who goes on would vanish by itself; here it never does."""
    storage = make()
    before(storage)
    monkeypatch.setattr(attempts, "MOST_WAITS", 5)

    def act() -> None:
        engine.persist(f"{prefix}/ahead")
        raise Crash

    with pytest.raises(Crash):
        commit(storage, 7, act)
    with pytest.raises(StorageUnavailable, match="large commit"):
        storage.write("k", b"")
    engine.delete(f"{prefix}/ahead")
    assert storage.write("k", b"") == 4
