"""A store that was emptied or set back is not mistaken for the one it was."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections

from agent_master_storage.backends.memory import MemoryStorage
from agent_master_storage.backends.redis import RedisStorage
from agent_master_storage.exceptions import RevisionCompacted, StorageUnavailable
from agent_master_storage.models import Change, Entry, State
from agent_master_storage.testing import Recorder, take, wait_for

from ..backends.redis import stores

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


def empty(storage: Any) -> None:
    if isinstance(storage, MemoryStorage):
        storage.clear()
    elif isinstance(storage, RedisStorage):
        stores.empty(storage.prefix)
    else:
        flush(storage.using)


def flush(using: str, attempts: int = 3) -> None:
    try:
        call_command("flush", database=using, interactive=False, verbosity=0)
    except CommandError as error:
        # PostgreSQL picks a victim where a tail reads the tables in another order.
        if attempts == 1 or not isinstance(error.__cause__, OperationalError):
            raise
        flush(using, attempts - 1)


def set_back(database: Any, revision: int) -> None:
    """What a restore from a backup does: the rows of an earlier moment, the epoch of then."""
    with connections[database.using].cursor() as cursor:
        for model in (Change, Entry):
            cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE revision > %s", [revision])
        cursor.execute(f"UPDATE {State._meta.db_table} SET revision = %s", [revision])


def test_an_emptied_store_has_another_epoch(storage: Any) -> None:
    storage.write("k", b"")
    epoch = storage.epoch
    empty(storage)
    assert storage.epoch != epoch
    assert (storage.revision, storage.oldest, storage.list()) == (0, 1, [])


def test_changes_raise_when_the_store_was_emptied(storage: Any) -> None:
    with storage.changes() as changes:
        storage.write("k", b"old")
        take(changes, 1)
        empty(storage)
        storage.write("k", b"new")
        with pytest.raises(RevisionCompacted):
            take(changes, 1)


def test_changes_raise_when_it_was_filled_again_to_the_same_revision(storage: Any) -> None:
    for number in range(5):
        storage.write("k", b"%d" % number)
    with storage.changes() as changes:
        empty(storage)
        for number in range(7):
            storage.write("k", b"%d" % number)
        with pytest.raises(RevisionCompacted):
            take(changes, 1)


def test_handlers_go_on_when_the_store_was_emptied(storage: Any) -> None:
    seen = Recorder()
    storage.watch("k", seen)
    storage.write("k", b"old")
    seen.wait(1)
    empty(storage)
    storage.write("k", b"new")
    seen.wait_until(b"new")
    storage.write("k", b"newer")
    seen.wait_until(b"newer")
    assert seen.values[0] == b"old"
    assert seen.values.count(b"newer") == 1


def test_a_handler_hears_that_its_key_went_with_the_rest(storage: Any) -> None:
    seen = Recorder()
    storage.watch("k", seen)
    storage.write("k", b"old")
    seen.wait(1)
    empty(storage)
    storage.write("other", b"")
    seen.wait_until(None)


def test_the_known_epoch_is_refused_under_another(storage: Any) -> None:
    storage.write("k", b"")
    known = storage.epoch
    empty(storage)
    storage.write("k", b"")
    for question in ({"since": 1, "epoch": known}, {"since": 0, "epoch": known}, {"epoch": known}):
        with pytest.raises(RevisionCompacted):
            take(storage.changes(**question), 1)
    with storage.changes(since=0, epoch=storage.epoch) as changes:
        assert len(take(changes, 1)) == 1


def test_a_store_set_back_under_a_running_process_begins_a_new_epoch(
    database: Any, caplog: pytest.LogCaptureFixture
) -> None:
    seen = Recorder()
    database.watch("k", seen)
    for number in range(5):
        database.write("k", b"%d" % number)
    seen.wait(5)
    epoch = database.epoch
    with database.changes() as changes:
        set_back(database, 2)
        database.tail.wake()
        wait_for(lambda: database.epoch != epoch, "a new epoch")
        database.write("k", b"after")
        with pytest.raises(RevisionCompacted):
            take(changes, 1)
    seen.wait_until(b"after")
    database.write("k", b"more")
    seen.wait_until(b"more")
    assert "was set back" in caplog.text


def test_two_who_see_it_set_back_begin_one_epoch(database: Any) -> None:
    known = database.log_state()
    first = database.renew_epoch(known)
    assert first.epoch != known.epoch
    assert database.renew_epoch(known) == first


def test_new_epoch_reaches_those_that_run_in_other_processes(database: Any) -> None:
    other = type(database)(alias="other", using=database.using)
    seen = Recorder()
    other.watch("k", seen)
    with other.changes() as changes:
        database.write("k", b"before")
        take(changes, 1)
        seen.wait(1)
        database.new_epoch()
        database.write("k", b"after")
        with pytest.raises(RevisionCompacted):
            take(changes, 1)
    seen.wait_until(b"after")
    other.close()


def test_a_store_that_went_another_way_is_another(
    database: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A server took over that lacked the last revisions, and has others in their place by now."""
    broken, read_log, seen = threading.Event(), database.read_log, Recorder()

    def failing(*args: Any, **kwargs: Any) -> Any:
        if broken.is_set():
            raise StorageUnavailable("the server is gone")
        return read_log(*args, **kwargs)

    monkeypatch.setattr(database, "read_log", failing)
    database.watch("k", seen)
    with database.changes() as changes:
        for number in range(5):
            database.write("k", b"%d" % number)
        take(changes, 5)
        seen.wait(5)
        epoch = database.epoch
        broken.set()
        database.tail.wake()
        wait_for(lambda: "the server is gone" in caplog.text)
        set_back(database, 3)
        elsewhere = type(database)(alias="elsewhere", using=database.using)
        for number in range(4):
            elsewhere.write("k", b"other %d" % number)
        broken.clear()
        with pytest.raises(RevisionCompacted):
            take(changes, 1)
        elsewhere.close()
    assert database.epoch != epoch
    assert seen.wait_until(b"other 3")[5:] == [b"other 3"]


def test_one_that_went_on_is_the_same(
    database: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read_log = database.read_log
    with database.changes() as changes:
        database.write("k", b"one")
        take(changes, 1)
        epoch = database.epoch
        monkeypatch.setattr(database, "read_log", lambda *args, **kwargs: 1 / 0)
        database.write("k", b"two")
        wait_for(lambda: "goes on trying" in caplog.text)
        database.write("k", b"three")
        monkeypatch.setattr(database, "read_log", read_log)
        assert [change.value for change in take(changes, 2)] == [b"two", b"three"]
    assert database.epoch == epoch


def test_one_whose_newest_revision_was_compacted_is_the_same(storage: Any) -> None:
    epoch = storage.epoch
    with storage.changes() as changes:
        storage.write("k", b"one")
        take(changes, 1)
        storage.compact(storage.revision)
        # It reads that there is nothing more, then it doubts.
        for step in (storage.tail.wake, storage.tail.doubt):
            step()
            storage.tail.wake()
            time.sleep(0.2)
        storage.write("k", b"two")
        assert [change.value for change in take(changes, 1)] == [b"two"]
    assert storage.epoch == epoch


def test_one_that_was_compacted_when_it_was_looked_at_is_the_same(
    database: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Between the question where the log stands and the look at its end."""
    database.write("k", b"one")
    epoch, log_state = database.epoch, database.log_state

    def log_state_then_compact() -> Any:
        state = log_state()
        if "-tail-" in threading.current_thread().name:
            database.compact(1)
        return state

    with monkeypatch.context() as patch:
        patch.setattr(database, "log_state", log_state_then_compact)
        changes = database.changes()
        wait_for(lambda: database.tail.revision == 1)
    with changes:
        database.write("k", b"two")
        assert [change.value for change in take(changes, 1)] == [b"two"]
    assert database.epoch == epoch
    assert "goes on trying" not in caplog.text


def test_whether_it_is_the_same_is_asked_without_the_value(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing happens it is asked once a second."""
    database.write("k", b"x" * 100_000)
    epoch, asked = database.epoch, threading.Event()
    told: list[Any] = []
    with database.changes() as changes:
        wait_for(lambda: database.tail.revision == 1)
        last_of = database.last_of

        def look(revision: int) -> Any:
            found = last_of(revision)
            told.append(found)
            asked.set()
            return found

        monkeypatch.setattr(database, "last_of", look)
        database.tail.doubt()
        database.tail.wake()
        assert asked.wait(10)
        database.write("k", b"")
        take(changes, 1)
    assert (told[0].key, told[0].revision, told[0].value) == ("k", 1, None)
    assert database.epoch == epoch
