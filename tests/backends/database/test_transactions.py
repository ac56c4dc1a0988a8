"""The caller's transaction: joined, rolled back, nested, and never seen before its commit."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connections, transaction

from agent_master_storage import Check, Delete, Write
from agent_master_storage.backends.database.storage import DatabaseStorage
from agent_master_storage.exceptions import (
    KeyNotFound,
    RevisionConflict,
    StorageUnavailable,
)
from agent_master_storage.models import Change, Entry, State
from agent_master_storage.testing import Recorder, take
from agent_master_storage.testing.base import Worker
from agent_master_storage.watch import Selector

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


class Undo(Exception):
    """Ends an atomic() by rolling it back."""


def rows(database: Any) -> list[Any]:
    """Everything that there is in the tables."""
    found: list[Any] = []
    for model in (State, Entry, Change):
        found += model._default_manager.using(database.using).order_by("pk").values()
    return found


def elsewhere(database: Any, look: Any) -> Any:
    """What another connection sees."""
    seen: list[Any] = []
    worker = Worker(lambda: seen.append(look()), database.release)
    worker.start()
    worker.finish()
    return seen[0]


def test_nothing_is_seen_before_the_commit(database: Any) -> None:
    database.write("k", b"before")
    seen = Recorder()
    database.watch("k", seen)
    with transaction.atomic(database.using):
        assert database.write("k", b"after") == 2
        assert elsewhere(database, lambda: database.read("k")) == b"before"
        assert elsewhere(database, lambda: database.revision) == 1
        database.tail.wake()
        assert seen.values == []
    assert seen.wait(1) == [b"after"]
    assert elsewhere(database, lambda: database.read("k")) == b"after"


def test_own_writes_are_read_inside(database: Any) -> None:
    database.write("old", b"")
    with transaction.atomic(database.using):
        database.write("k", b"one")
        database.commit([Write("k", b"two", 2), Delete("old")])
        assert database.read("k") == b"two"
        assert database.list() == ["k"]
        assert database.revision == 3
        assert database.entry("k").created_revision == 2
        assert database.entry("k", revision=2).value == b"one"
        assert [change.revision for change in database.history(since=1)] == [2, 3, 3]
        assert database.snapshot().revision == 3
        with pytest.raises(RevisionConflict):
            database.write("k", b"lost", if_revision=2)
        with pytest.raises(KeyNotFound):
            database.read("old")


def test_a_rollback_leaves_no_trace(database: Any) -> None:
    database.write("k", b"before")
    before, seen = rows(database), Recorder()
    database.watch("k", seen)
    with pytest.raises(Undo), transaction.atomic(database.using):
        database.write("k", b"after")
        database.write("new", b"")
        database.compact(1)
        raise Undo
    assert rows(database) == before
    assert database.write("k", b"next") == 2
    assert seen.wait(1) == [b"next"]


def test_a_rollback_of_the_very_first_write_leaves_no_trace(database: Any) -> None:
    with pytest.raises(Undo), transaction.atomic(database.using):
        database.write("k", b"")
        raise Undo
    assert rows(database) == []
    assert database.write("k", b"") == 1


def test_a_savepoint_rolled_back_leaves_no_trace_and_no_gap(database: Any) -> None:
    changes = database.changes()
    with transaction.atomic(database.using):
        database.write("a", b"")
        with pytest.raises(Undo), transaction.atomic(database.using):
            database.write("never", b"")
            database.delete("a")
            raise Undo
        assert database.list() == ["a"]
        assert database.write("b", b"") == 2
    with changes:
        assert [change.key for change in take(changes, 2)] == ["a", "b"]
    assert {row.transaction for row in Change.objects.using(database.using)} == {1}


def test_a_transaction_whose_first_write_was_rolled_back_begins_with_the_next(
    database: Any,
) -> None:
    changes = database.changes()
    with transaction.atomic(database.using):
        with pytest.raises(Undo), transaction.atomic(database.using):
            database.write("never", b"")
            raise Undo
        database.write("a", b"")
        with transaction.atomic(database.using):
            database.write("b", b"")
    with changes:
        found = [(change.key, change.revision) for change in take(changes, 2)]
    assert found == [("a", 1), ("b", 2)]
    assert [batch.revision for batch in database.read_log(0, Selector()).batches] == [2]


def test_nested_atomic_is_one_transaction(database: Any) -> None:
    subscription = database.subscribe(notify=lambda: None)
    with transaction.atomic(database.using):
        database.write("a", b"")
        with transaction.atomic(database.using), transaction.atomic(database.using):
            database.write("b", b"")
        with transaction.atomic(database.using, savepoint=False):
            database.write("c", b"")
    assert [[c.key for c in batch.changes] for batch in subscription.read()] == [["a", "b", "c"]]
    subscription.close()


def test_an_error_inside_does_not_break_the_transaction(database: Any) -> None:
    """As the caller may well go on after a conflict."""
    with transaction.atomic(database.using):
        database.write("k", b"")
        for attempt in (
            lambda: database.write("k", b"", if_revision=0),
            lambda: database.delete("k", if_revision=7),
            lambda: database.commit([Write("new", b""), Check("k", 7)]),
        ):
            with pytest.raises(RevisionConflict):
                attempt()
        with pytest.raises(KeyNotFound):
            database.delete("missing")
        assert database.write("k", b"") == 2
    assert database.list() == ["k"]
    assert len(database.history()) == 2


def test_a_transaction_that_is_broken_already_is_said(database: Any) -> None:
    with transaction.atomic(database.using):
        with pytest.raises(DatabaseError), connections[database.using].cursor() as cursor:
            cursor.execute("SELECT * FROM no_such_table")
        transaction.set_rollback(True, using=database.using)
        with pytest.raises(StorageUnavailable) as caught:
            database.write("k", b"")
        assert isinstance(caught.value.__cause__, transaction.TransactionManagementError)
    assert database.list() == []


def test_autocommit_off(database: Any) -> None:
    connection = connections[database.using]
    seen = Recorder()
    database.watch("k", seen)
    connection.set_autocommit(False)
    try:
        database.write("k", b"undone")
        connection.rollback()
        database.write("k", b"one")
        database.write("k", b"two")
        assert elsewhere(database, lambda: database.list()) == []
        connection.commit()
    finally:
        connection.set_autocommit(True)
    # Django calls what waits for the commit only when autocommit is on again.
    assert seen.wait(2) == [b"one", b"two"]
    assert database.revision == 2


def test_changes_begun_inside_a_transaction_see_what_it_did(database: Any) -> None:
    """Now is the call; what the transaction did before is not committed then, and so is new."""
    database.write("k", b"before")
    with transaction.atomic(database.using):
        database.write("k", b"one")
        changes = database.changes()
        database.write("k", b"two")
    with changes:
        assert [change.value for change in take(changes, 2)] == [b"one", b"two"]


def test_other_rows_of_the_transaction_go_with_it(database: Any) -> None:
    with pytest.raises(RevisionConflict), transaction.atomic(database.using):
        Group.objects.using(database.using).create(name="with it")
        database.write("k", b"", if_revision=3)
    assert not Group.objects.using(database.using).exists()
    with transaction.atomic(database.using):
        Group.objects.using(database.using).create(name="with it")
        database.write("k", b"")
    assert Group.objects.using(database.using).count() == 1


def test_writers_wait_for_an_open_transaction(database: Any) -> None:
    holding, order = threading.Event(), []

    def second() -> None:
        holding.wait(10)
        order.append(("second", database.write("k", b"second")))

    worker = Worker(second, database.release)
    worker.start()
    with transaction.atomic(database.using):
        order.append(("first", database.write("k", b"first")))
        holding.set()
        worker.join(0.2)
        order.append(("still first", database.write("k", b"first again")))
    worker.finish()
    assert order == [("first", 1), ("still first", 2), ("second", 3)]


def test_two_namespaces_do_not_see_each_other(database: Any) -> None:
    other = DatabaseStorage(alias="other", using=database.using, namespace="other")
    heard = Recorder()
    other.watch("k", heard)
    database.write("k", b"mine")
    with transaction.atomic(database.using):
        assert other.write("k", b"theirs") == 1
        assert database.write("k", b"mine again") == 2
    assert heard.wait(1) == [b"theirs"]
    assert (database.read("k"), other.read("k")) == (b"mine again", b"theirs")
    assert database.epoch != other.epoch
    other.delete("k")
    other.compact(2)
    assert (database.oldest, other.oldest) == (1, 3)
    assert len(database.history()) == 2
    other.close()


def test_writing_in_a_transaction_that_only_reads_is_refused() -> None:
    storage = DatabaseStorage(alias="test", using="postgres")
    storage.write("k", b"")
    with transaction.atomic("postgres"):
        with connections["postgres"].cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        assert storage.read("k") == b""
        with pytest.raises(StorageUnavailable, match="read-only"):
            storage.delete("k")
    assert storage.write("k", b"") == 2
