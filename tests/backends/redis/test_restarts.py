"""Servers that end and come back: with everything, with less, with nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis

from agent_master_storage import Check, Write
from agent_master_storage.backends.redis import RedisStorage
from agent_master_storage.backends.redis import retry as attempts
from agent_master_storage.exceptions import (
    RevisionAhead,
    RevisionCompacted,
    StorageError,
    StorageUnavailable,
)
from agent_master_storage.testing import Recorder, take, wait_for

from ...support.servers import free_port, redis_binary, redis_kinds, redis_server
from .parts import Crash, before, commit_of, crash, is_whole, once_before, operations, writes
from .stores import client, make_storage

#: a server that is not killed but asked to end loses nothing, and this one keeps a snapshot alone
FILE = ("--dbfilename", "dump.rdb")


class Restartable:
    """A Redis on one port and folder, which can be ended and begun anew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._stack = ExitStack()
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self, *options: str) -> None:
        options = ("--dir", str(self._folder), *FILE, *options)
        self._stack.enter_context(redis_server(redis_binary(), self._port, *options))
        wait_for(self._answers)

    def _answers(self) -> bool:
        try:
            with client(self.url) as server:
                return bool(server.ping())
        except redis.RedisError:
            return False

    def stop(self) -> None:
        self._stack.close()

    def save(self) -> None:
        with client(self.url) as server:
            server.save()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Restartable]:
    server = Restartable(tmp_path)
    yield server
    server.stop()
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture
def open_storage(server: Restartable) -> Iterator[Callable[[], RedisStorage]]:
    made: list[RedisStorage] = []

    def open_storage() -> RedisStorage:
        made.append(make_storage("restarts", server.url))
        return made[-1]

    yield open_storage
    for storage in made:
        storage.close()


AOF = ("--appendonly", "yes", "--appendfsync", "always")

Open = Callable[[], RedisStorage]


def write_when_back(storage: Any, value: bytes) -> int:
    """Connections that the server left behind are found out before anything is sent."""
    revision: int = storage.write("k", value)
    return revision


def test_with_everything_kept_all_goes_on(server: Restartable, open_storage: Open) -> None:
    server.start(*AOF)
    storage, seen = open_storage(), Recorder()
    storage.watch("k", seen)
    epoch = storage.epoch
    with storage.changes() as changes:
        for number in range(5):
            storage.write("k", b"%d" % number)
        assert len(take(changes, 5)) == 5
        server.stop()
        with pytest.raises(StorageUnavailable, match="is it running"):
            storage.write("k", b"lost")
        server.start(*AOF)
        assert write_when_back(storage, b"after") == 6
        assert [change.revision for change in take(changes, 1)] == [6]
    assert seen.wait(6)[-1] == b"after"
    assert storage.epoch == epoch
    assert len(storage.history()) == 6


def test_what_an_engine_wrote_meanwhile_is_found(server: Restartable, open_storage: Open) -> None:
    server.start(*AOF)
    storage, seen = open_storage(), Recorder()
    storage.watch("k", seen)
    storage.write("k", b"before")
    server.stop()
    server.start(*AOF)
    with client(server.url) as engine:
        engine.set("restarts:k", b"theirs")
    assert seen.wait(2) == [b"before", b"theirs"]


def test_an_outage_is_told_once(
    server: Restartable,
    open_storage: Open,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(attempts, "PAUSE", 0.001)
    for module in ("watch.tail", "backends.redis.tracker"):
        monkeypatch.setattr(f"agent_master_storage.{module}.BACKOFF", (0.01, 0.02))
    server.start(*AOF)
    storage, seen = open_storage(), Recorder()
    storage.watch("k", seen)
    storage.write("k", b"before")
    seen.wait(1)
    server.stop()
    wait_for(lambda: storage._tracker._failures > 5)
    server.start(*AOF)
    with client(server.url) as engine:
        engine.set("restarts:k", b"theirs")
    assert seen.wait(2) == [b"before", b"theirs"]
    assert caplog.text.count("can't hear of what others write") == 1
    wait_for(lambda: "hears of what others write again" in caplog.text)


def test_with_everything_lost_it_is_another_store(server: Restartable, open_storage: Open) -> None:
    server.start()
    storage, seen = open_storage(), Recorder()
    storage.watch("k", seen)
    for number in range(5):
        storage.write("k", b"%d" % number)
    seen.wait(5)
    epoch = storage.epoch
    with storage.changes() as changes:
        server.stop()
        server.start()
        write_when_back(storage, b"after")
        with pytest.raises(RevisionCompacted):
            take(changes, 1)
    assert storage.epoch != epoch
    assert storage.revision == 1
    seen.wait_until(b"after")
    for question in ({"since": 5, "epoch": epoch}, {"since": 0, "epoch": epoch}, {"since": 5}):
        with pytest.raises(RevisionCompacted):
            take(storage.changes(**question), 1)


def set_back(server: Restartable, storage: RedisStorage) -> None:
    """Five writes, a snapshot of the server, five more; back to the snapshot."""
    for number in range(5):
        storage.write("k", b"%d" % number)
    server.save()
    for number in range(5, 10):
        storage.write("k", b"%d" % number)
    server.stop()
    server.start()


def test_a_writer_that_knew_more_begins_a_new_epoch(
    server: Restartable, open_storage: Open
) -> None:
    server.start()
    storage = open_storage()
    epoch = storage.epoch
    set_back(server, storage)
    assert storage.write("k", b"after") == 6
    assert storage.epoch != epoch
    with pytest.raises(RevisionAhead):
        take(storage.changes(since=10), 1)
    with pytest.raises(RevisionCompacted):
        take(storage.changes(since=3, epoch=epoch), 1)


def test_a_watcher_that_knew_more_begins_a_new_epoch(
    server: Restartable, open_storage: Open
) -> None:
    server.start()
    storage, seen = open_storage(), Recorder()
    epoch = storage.epoch
    storage.watch("k", seen)
    with storage.changes() as changes:
        set_back(server, storage)
        with pytest.raises(RevisionCompacted):
            take(changes, 11)
    wait_for(lambda: storage.epoch != epoch)
    write_when_back(storage, b"after")
    seen.wait_until(b"after")


def test_it_is_noticed_when_others_have_passed_what_was_known(
    server: Restartable, open_storage: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The revision alone would not tell: the log holds other changes in its place."""
    server.start()
    watcher, writer = open_storage(), open_storage()
    epoch = watcher.epoch
    with watcher.changes() as changes:
        for number in range(5):
            writer.write("k", b"%d" % number)
        server.save()
        for number in range(5, 10):
            writer.write("k", b"%d" % number)
        assert len(take(changes, 10)) == 10
        writer.close()
        # It looks again only when the others are done.
        with monkeypatch.context() as patched:
            patched.setattr("agent_master_storage.watch.tail.BACKOFF", (2.0, 2.0))
            patched.setattr(
                watcher._tracker, "_listen", lambda: watcher._tracker._wait_for(None, 1)
            )
            server.stop()
            server.start()
            fresh = open_storage()
            for number in range(20):
                fresh.write("k", b"other %d" % number)
        assert fresh.epoch == epoch
        with pytest.raises(RevisionCompacted):
            take(changes, 1)
    assert fresh.epoch != epoch


def test_flushall_while_it_runs(server: Restartable, open_storage: Open) -> None:
    server.start()
    storage, seen = open_storage(), Recorder()
    storage.watch("k", seen)
    for number in range(5):
        storage.write("k", b"%d" % number)
    seen.wait(5)
    epoch = storage.epoch
    with client(server.url) as engine:
        engine.flushall()
        seen.wait_until(None)
        assert storage.epoch != epoch
        assert (storage.list(), storage.revision) == ([], 0)
        engine.set("restarts:k", b"theirs")
        seen.wait_until(b"theirs")
    assert storage.history()[0].revision == 1


def test_the_scripts_are_loaded_again(server: Restartable, open_storage: Open) -> None:
    server.start()
    storage = open_storage()
    with client(server.url) as engine:
        for number in range(3):
            engine.script_flush()
            assert storage.write("k", b"") == number + 1
            engine.script_flush()
            assert storage.entry("k").revision == number + 1


def test_a_log_that_was_evicted_is_told_of(server: Restartable, open_storage: Open) -> None:
    """As by a server that may evict what it likes."""
    server.start()
    storage = open_storage()
    for number in range(5):
        storage.write("k", b"%d" % number)
    with client(server.url) as engine:
        engine.delete("restarts/log")
        with pytest.raises(RevisionCompacted) as caught:
            storage.history(since=2)
        assert caught.value.oldest == 6
        assert storage.write("k", b"on") == 6
        assert [change.revision for change in storage.history()] == [6]
        epoch = storage.epoch
        engine.delete("restarts/index")
        # It is noticed by comparing everything, as the next process does.
        assert open_storage().list() == storage.list() == ["k"]
        assert (storage.revision, storage.epoch) == (6, epoch)
        engine.delete("restarts/entries")
        assert open_storage().list() == storage.list() == ["k"]
        assert (storage.read("k"), storage.revision) == (b"on", 1)
        assert storage.epoch != epoch


@pytest.mark.parametrize("kind", redis_kinds())
def test_it_restarts_in_the_middle_of_a_large_commit(tmp_path: Path, kind: str) -> None:
    port, many = free_port(), [Write(f"k{number}", b"") for number in range(101)]
    options = ("--appendonly", "yes", "--appendfsync", "always", "--dir", str(tmp_path))
    url = f"redis://127.0.0.1:{port}/0"
    with redis_server(redis_kinds()[kind], port, *options):
        storage = make_storage("restarts", url)
        before(storage)
        with pytest.raises(Crash):
            commit_of(storage, operations(), once_before(writes, crash))
        storage.close()
    with redis_server(redis_kinds()[kind], port, *options):
        storage = make_storage("restarts", url)
        assert storage.revision == 3
        assert storage.write("k000", b"") == 4
        storage.write("gone", b"")
        storage.close()
        with pytest.raises(StorageError):
            # It stands elsewhere now.
            storage.commit([*many, Check("checked", 4)])
        assert storage.commit(many) == 6
        is_whole(storage)
        storage.close()
