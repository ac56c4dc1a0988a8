"""What is particular about SQLite: its journal, its one writer, its databases in memory."""

from __future__ import annotations

import gc
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from agent_master_storage import Write, storage, storages
from agent_master_storage.backends.database import sqlite
from agent_master_storage.backends.database.connection import Database
from agent_master_storage.exceptions import RevisionConflict, StorageUnavailable

from ...support.children import ROOT, child

pytestmark = pytest.mark.django_db(transaction=True)

#: what Django has without any OPTIONS
PLAIN: dict[str, Any] = {"OPTIONS": {}}


def pragma(name: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {name}")
        return cursor.fetchone()[0]


def test_the_file_is_put_into_wal_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    # A test before may have had it open at the first try; the next would come in a minute.
    monkeypatch.setattr(sqlite, "_prepared", {})
    storage.write("k", b"")
    assert pragma("journal_mode") == "wal"


def test_the_journal_mode_of_the_project_is_kept_and_works(tmp_path: Path) -> None:
    path = tmp_path / "project.sqlite3"
    with sqlite3.connect(str(connection.settings_dict["NAME"])) as source:
        source.execute("VACUUM INTO ?", [str(path)])
    options = {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode = DELETE"}
    database = {"default": {"NAME": str(path), "OPTIONS": options}}
    with child("tests.watch.follow", "default", "handler", databases=database) as follower:
        follower.wait(1)
        with child("tests.watch.write", "default", "1", "2", "3", databases=database) as writer:
            writer.finish()
        assert follower.wait(4) == ["ready", "1", "2", "3"]
    with sqlite3.connect(str(path)) as found:
        assert found.execute("PRAGMA journal_mode").fetchone()[0] == "delete"


def test_many_processes_write_without_any_options() -> None:
    """Deferred transactions and five seconds of patience: a warning, and yet it works."""
    values = [str(number) for number in range(150)]
    with (
        child("tests.watch.write", "default", *values, databases={"default": PLAIN}) as one,
        child("tests.watch.write", "default", *values, databases={"default": PLAIN}) as two,
        child("tests.watch.write", "default", *values, databases={"default": PLAIN}) as three,
    ):
        for writer in (one, two, three):
            writer.finish()
    changes = storage.history()
    assert [change.revision for change in changes] == list(range(1, 451))
    assert sorted(int(change.value) for change in changes) == sorted([*range(150)] * 3)


def test_a_foreign_process_that_holds_the_lock_is_waited_for() -> None:
    other = sqlite3.connect(
        str(connection.settings_dict["NAME"]), isolation_level=None, check_same_thread=False
    )
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.5, lambda: other.execute("COMMIT"))
    release.start()
    assert storage.write("k", b"") == 1
    release.join()
    other.close()


def test_who_looks_first_and_is_kept_from_it_by_who_writes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SQLite's lock starves who waits; but then another has begun the store."""
    alone = Database.alone

    def starved(database: Database, function: Any, *args: Any, **options: Any) -> None:
        alone(database, function)
        raise StorageUnavailable("the database 'default': database is locked")

    monkeypatch.setattr(Database, "alone", starved)
    assert storage.revision == 0


def test_nothing_of_a_write_is_left_to_the_garbage_collector() -> None:
    """It runs in any thread, and would reset there a statement that runs again in this one."""
    gc.collect()
    gc.disable()
    try:
        storage.commit([Write(f"k{number}", b"") for number in range(10)])
        with pytest.raises(RevisionConflict):
            storage.write("k1", b"", if_revision=0)
        left = [found for found in gc.get_objects() if type(found) is sqlite._Bare]
    finally:
        gc.enable()
    assert left == []


def test_a_write_is_as_many_statements_as_it_says(django_assert_num_queries: Any) -> None:
    """Seen through Django's logging, which the hot path goes round when nobody looks."""
    storage.write("k", b"")
    with django_assert_num_queries(5):
        storage.write("k", b"")
    with django_assert_num_queries(1):
        storage.read("k")
    with django_assert_num_queries(1):
        storage.list()


IN_MEMORY = """
import sys, threading, django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["agent_master_storage"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()
from django.core.management import call_command
from agent_master_storage import storage
call_command("migrate", verbosity=0)
assert storage.write("k", b"one") == 1
assert storage.write("k", b"two", if_revision=1) == 2
assert storage.read("k") == b"two"
assert len(storage.history()) == 2
print("works")
"""


def test_in_memory_within_one_thread() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_MEMORY], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "works\n", done.stderr


SHARED_MEMORY = """
import threading, django
from django.conf import settings
name = "file:shared?mode=memory&cache=shared"
settings.configure(
    INSTALLED_APPS=["agent_master_storage"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": name}},
)
django.setup()
from django.core.management import call_command
from agent_master_storage import storage
call_command("migrate", verbosity=0)
for number in range(50):
    heard = threading.Event()
    unsubscribe = storage.watch("k", lambda value: heard.set())
    with storage.changes() as changes:
        storage.write("k", b"one")
        assert next(changes).value == b"one"
    assert heard.wait(10)
    unsubscribe()
    assert threading.active_count() == 1, threading.enumerate()
print("works")
"""


def test_in_memory_who_ends_a_watch_finds_no_reader_left() -> None:
    """One that still reads would lock the table that the next statement wants to write."""
    done = subprocess.run(
        [sys.executable, "-c", SHARED_MEMORY], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "works\n", done.stderr


def test_a_copied_adapter_shares_the_file() -> None:
    other = type(storages["default"])(alias="other")
    storage.write("k", b"one")
    assert other.read("k") == b"one"
