"""The real thing breaks: connections are killed, tables vanish. The watch goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, connections

from agent_master_storage import storages
from agent_master_storage.exceptions import StorageUnavailable
from agent_master_storage.models import Change
from agent_master_storage.testing import Recorder, take, wait_for

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


def kill_other_connections() -> int:
    """Ends the connections of every thread but this one."""
    with connections["postgres"].cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone()[0]


@contextmanager
def without_log() -> Iterator[None]:
    """The table of changes is away for a while."""
    table = Change._meta.db_table
    _rename(table, "away")
    try:
        yield
    finally:
        _rename("away", table)


def _rename(old: str, new: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")


def test_killed_connections_are_made_anew() -> None:
    storage, seen = storages["postgres"], Recorder()
    storage.watch("k", seen)
    with storage.changes() as changes:
        killed = 0
        for number in range(20):
            storage.write("k", b"%d" % number)
            if number % 4 == 0:
                killed += kill_other_connections()
        found = take(changes, 20)
    assert seen.wait(20) == [b"%d" % number for number in range(20)]
    assert [change.revision for change in found] == list(range(1, 21))
    assert killed >= 1


def test_a_killed_connection_of_a_caller_is_an_error_once() -> None:
    storage = storages["postgres"]
    storage.write("k", b"one")
    with connections["postgres"].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    killer = connections["postgres"].copy()
    with killer.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    killer.close()
    with pytest.raises(StorageUnavailable) as caught:
        storage.write("k", b"lost")
    assert caught.value.__cause__ is not None
    assert storage.write("k", b"two") == 2
    assert storage.read("k") == b"two"


def test_a_table_that_vanishes_for_a_while(caplog: pytest.LogCaptureFixture) -> None:
    storage, seen = storages["default"], Recorder()
    storage.watch("k", seen)
    storage.write("k", b"one")
    seen.wait(1)
    with without_log():
        storage.tail.wake()
        wait_for(lambda: "goes on trying" in caplog.text)
    storage.write("k", b"two")
    assert seen.wait(2) == [b"one", b"two"]
    storage.write("k", b"three")
    wait_for(lambda: "can read the log again" in caplog.text)


def test_readers_wait_while_the_log_cannot_be_read() -> None:
    storage = storages["default"]
    storage.write("k", b"one")
    with storage.changes(since=0) as changes:
        with without_log(), pytest.raises(StorageUnavailable):
            storage.history()
        storage.write("k", b"two")
        assert [change.value for change in take(changes, 2)] == [b"one", b"two"]


def test_iterators_try_again_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    storage = storages["default"]
    storage.write("k", b"one")
    storage.write("k", b"two")
    read_log, failures = storage.read_log, []

    def failing(*args: Any, **kwargs: Any) -> Any:
        if len(failures) < 3:
            failures.append(args)
            raise StorageUnavailable("as the test wants it")
        return read_log(*args, **kwargs)

    async def follow() -> list[bytes | None]:
        async with storage.achanges(since=0) as changes:
            return [(await anext(changes)).value for _ in range(2)]

    monkeypatch.setattr(storage, "read_log", failing)
    assert async_to_sync(follow)() == [b"one", b"two"]
    assert len(failures) == 3
    failures.clear()
    with storage.changes(since=0) as changes:
        assert [change.value for change in take(changes, 2)] == [b"one", b"two"]
    assert len(failures) == 3


def test_a_state_that_could_not_be_told_is_told_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is emptied, and can't be reached just when the handler is to hear of it."""
    storage, seen = storages["memory"], Recorder()
    storage.write("k", b"one")
    storage.watch("k", seen)
    storage.write("k", b"two")
    assert seen.wait(1) == [b"two"]
    entry, refused = storage.entry, []

    def refuse_once(key: str) -> Any:
        if not refused:
            refused.append(key)
            raise StorageUnavailable("away for a moment")
        return entry(key)

    monkeypatch.setattr(storage, "entry", refuse_once)
    storage.clear()
    assert seen.wait(2) == [b"two", None]
    assert refused == ["k"]
