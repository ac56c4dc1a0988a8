"""A store that a Go engine wrote before us is taken in where it stands."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
import redis

from agent_master_storage import Write
from agent_master_storage.backends.redis import RedisStorage
from agent_master_storage.backends.redis import reconcile as sweeper
from agent_master_storage.exceptions import StorageUnavailable
from agent_master_storage.testing import take
from agent_master_storage.testing.base import TIMEOUT, Worker

Make = Callable[..., RedisStorage]

ENGINE_KEYS = {
    "config": b"{}",
    "targets:laptop:config": b"{}",
    "projects:/home/me/work:config": b"",
    "backups/2026-01-01": bytes(range(256)),
    "backup-meta:2026-01-01": b"{}",
    "backups:list": b"[]",
    "cache:": b"a key may end so",
    "state:autosync:status": b"on",
    "state:sync:laptop:last": "ünïcode 🔑".encode(),
    "ключ": b"",
}


@pytest.fixture
def written(engine: redis.Redis, prefix: str) -> dict[str, bytes]:
    engine.mset({f"{prefix}:{key}": value for key, value in ENGINE_KEYS.items()})
    return ENGINE_KEYS


def names(engine: redis.Redis, prefix: str) -> set[bytes]:
    """KEYS as the engine's adapter asks for them, with what it does not do: escape."""
    escaped = "".join(f"\\{c}" if c in "[]*?\\-^" else c for c in prefix)
    return set(engine.keys(f"{escaped}:*"))


def test_each_key_gets_an_entry_and_a_revision(
    storage: RedisStorage, engine: redis.Redis, prefix: str, written: dict[str, bytes]
) -> None:
    before = {name: engine.get(name) for name in names(engine, prefix)}
    assert storage.list() == sorted(written)
    assert {entry.key: entry.value for entry in storage.entries()} == written
    changes = storage.history()
    assert [change.revision for change in changes] == list(range(1, len(written) + 1))
    assert {change.key: change.value for change in changes} == written
    assert all(change.previous_revision == 0 for change in changes)
    assert storage.oldest == 1
    # Nothing was moved, rewritten or added where the engine looks.
    assert {name: engine.get(name) for name in names(engine, prefix)} == before


def test_it_happens_once(make: Make, written: dict[str, bytes]) -> None:
    first = make()
    first.list()
    first.close()
    second = make()
    assert second.list() == sorted(written)
    assert second.revision == len(written)


def test_a_watcher_from_the_beginning_hears_of_every_key(
    storage: RedisStorage, written: dict[str, bytes]
) -> None:
    with storage.changes(since=0) as changes:
        assert {change.key for change in take(changes, len(written))} == set(written)


def test_many_adopt_at_once(make: Make, engine: redis.Redis, prefix: str) -> None:
    expected = {f"k{number:04}": b"%d" % number for number in range(2000)}
    engine.mset({f"{prefix}:{key}": value for key, value in expected.items()})
    storages = [make() for _ in range(5)]
    found: list[Any] = []
    workers = [Worker(lambda s=storage: found.append(s.list())) for storage in storages]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.finish()
    assert found == [sorted(expected)] * 5
    assert storages[0].revision == len(expected)
    assert {change.key: change.value for change in storages[0].history()} == expected


def test_one_that_was_broken_off_is_gone_on_with(
    make: Make, engine: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.mset({f"{prefix}:k{number:04}": b"v" for number in range(2000)})
    slices = sweeper.Sweeper._slices

    def broken(self: Any) -> Any:
        for number, step in enumerate(slices(self)):
            if number == 3:
                raise StorageUnavailable("as the test wants it")
            yield step

    with monkeypatch.context() as patched:
        patched.setattr(sweeper.Sweeper, "_slices", broken)
        crashed = make()
        with pytest.raises(StorageUnavailable):
            crashed.list()
        crashed.close()
    storage = make()
    assert 0 < storage.revision < 2000
    assert len(storage.list()) == 2000
    assert storage.revision == 2000
    assert len({change.key for change in storage.history()}) == 2000


def test_reads_and_writes_work_while_lists_wait(
    make: Make, engine: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.mset({f"{prefix}:k{number:04}": b"theirs" for number in range(1000)})
    storage = make()
    slices, begun, go_on = sweeper.Sweeper._slices, threading.Event(), threading.Event()

    def slow(self: Any) -> Any:
        for step in slices(self):
            begun.set()
            assert go_on.wait(TIMEOUT)
            yield step

    monkeypatch.setattr(sweeper.Sweeper, "_slices", slow)
    listed: list[list[str]] = []
    lister = Worker(lambda: listed.append(storage.list()))
    lister.start()
    assert begun.wait(TIMEOUT)
    assert storage.read("k0999") == b"theirs"
    assert storage.entry("k0500").value == b"theirs"
    storage.write("k0001", b"ours")
    storage.commit([Write("new", b""), Write("k0002", b"ours")])
    storage.delete("k0003")
    assert storage.history(key="k0003")[-1].type == "delete"
    assert listed == []
    go_on.set()
    lister.finish()
    assert listed == [sorted([f"k{n:04}" for n in range(1000) if n != 3] + ["new"])]


def test_names_that_are_no_keys_are_skipped_and_told_once(
    storage: RedisStorage, engine: redis.Redis, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    raw = prefix.encode() + b":"
    bad = [raw, raw + b"\xff\xfe", raw + b"line\nbreak", raw + b"x" * 513, raw + b"\xed\xa0\x80"]
    for name in bad:
        engine.set(name, b"")
    engine.set(raw + b"good", b"")
    with caplog.at_level(logging.WARNING, "agent_master_storage.redis"):
        for _ in range(3):
            assert storage.list() == ["good"]
            for name in bad:
                engine.append(name, b"more")
    assert len(caplog.records) == len(bad)
    assert storage.revision == 1
    assert all(engine.exists(name) for name in bad)


def test_another_type_is_left_alone(
    storage: RedisStorage, engine: redis.Redis, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    storage.write("was", b"ours")
    engine.delete(f"{prefix}:was")
    engine.rpush(f"{prefix}:list", "a", "b")
    engine.rpush(f"{prefix}:was", "a")
    storage.write("good", b"")
    assert storage.list() == ["good"]
    for key in ("list", "was"):
        for attempt in (
            lambda key=key: storage.read(key),
            lambda key=key: storage.entry(key),
            lambda key=key: storage.write(key, b"over it"),
            lambda key=key: storage.delete(key),
            lambda key=key: storage.commit([Write("good", b"no"), Write(key, b"over it")]),
        ):
            with pytest.raises(StorageUnavailable, match=rf":{key} in Redis holds no string"):
                attempt()
    assert engine.lrange(f"{prefix}:list", 0, -1) == [b"a", b"b"]
    assert engine.type(f"{prefix}:was") == b"list"
    assert storage.read("good") == b""
    assert [(c.type, c.key) for c in storage.history(key="was")] == [
        ("write", "was"), ("delete", "was"),
    ]  # fmt: skip
    storage.list()
    assert caplog.text.count("holds no string") == 2


def test_other_stores_on_the_server_are_not_touched(
    make: Make, engine: redis.Redis, prefix: str
) -> None:
    """Their prefixes begin alike, or would match if ours were a pattern."""
    others = ["te*s?t\\-{x}:k", f"{prefix}x:k", f"{prefix}", "tests?t-{x}:k", "tees.t\\-{x}:k"]
    for name in others:
        engine.set(name, b"not ours")
    try:
        storage = make()
        assert storage.list() == []
        storage.write("k", b"ours")
        assert storage.list() == ["k"]
        assert all(engine.get(name) == b"not ours" for name in others)
    finally:
        engine.delete(*others)


def test_what_is_kept_beside_them_is_never_listed_by_an_engine(
    storage: RedisStorage, engine: redis.Redis, prefix: str
) -> None:
    storage.write("k", b"v")
    storage.delete("k")
    storage.write("k", b"v")
    kept = {name for name in engine.scan_iter() if name.startswith(prefix.encode())}
    own = {f"{prefix}/{name}".encode() for name in ("entries", "log", "index")}
    assert kept == {f"{prefix}:k".encode(), *own}
    assert names(engine, prefix) == {f"{prefix}:k".encode()}
    assert all(b"{x}" in name for name in kept)


def test_bookkeeping_of_an_earlier_layout_is_begun_anew(
    storage: RedisStorage, engine: redis.Redis, prefix: str
) -> None:
    """As development versions had it, with the state in a hash of its own."""
    engine.set(f"{prefix}:k", b"v")
    engine.hset(f"{prefix}/state", mapping={"epoch": "0" * 32, "revision": 7, "compacted": 0})
    engine.hset(f"{prefix}/entries", mapping={"k": f"{'0' * 40} 7 7 0 us", "gone": "0 5 5 0 us"})
    engine.zadd(f"{prefix}/index", {"k": 0, "gone": 0})
    engine.xadd(f"{prefix}/log", {"m": "0 7 0 0 us", "k": "k", "v": "v"}, id="7-0")
    assert storage.list() == ["k"]
    assert (storage.read("k"), storage.revision) == (b"v", 1)
    assert [change.revision for change in storage.history()] == [1]
    assert storage.epoch != "0" * 32
    engine.delete(f"{prefix}/state")
