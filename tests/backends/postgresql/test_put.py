"""The short way of a write: what it believes of the log is checked under the lock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections

from agent_master_storage import Write
from agent_master_storage.backends.database.storage import DatabaseStorage
from agent_master_storage.backends.postgresql.storage import PostgreSQLStorage
from agent_master_storage.exceptions import StorageUnavailable

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


def other(namespace: str, adapter: Any = PostgreSQLStorage) -> Any:
    return adapter(alias="other", using="postgres", namespace=namespace)


def execute(statement: str) -> None:
    with connections["postgres"].cursor() as cursor:
        cursor.execute(statement)


@contextmanager
def nothing_but_the_short_way() -> Iterator[None]:
    execute("ALTER FUNCTION agent_master_storage_commit RENAME TO away")
    try:
        yield
    finally:
        execute("ALTER FUNCTION away RENAME TO agent_master_storage_commit")


def test_nearly_all_writes_go_by_it(storage: Any) -> None:
    storage.write("a", b"")
    storage.write("b", b"")
    with nothing_but_the_short_way():
        assert [storage.write(key, b"v") for key in "abba"] == [3, 4, 5, 6]
        with pytest.raises(StorageUnavailable):
            storage.write("new", b"")
    assert storage.write("new", b"") == 7


@pytest.mark.parametrize("adapter", [PostgreSQLStorage, DatabaseStorage])
def test_others_write_in_between(storage: Any, adapter: Any) -> None:
    them = other(storage.namespace, adapter)
    for number in range(4):
        assert storage.write("k", b"ours") == 3 * number + 1
        assert them.write("k", b"theirs") == 3 * number + 2
        assert them.commit([Write("k", b""), Write(f"new{number}", b"")]) == 3 * number + 3
    history = storage.history()
    assert [change.revision for change in history if change.last] == list(range(1, 13))
    mine = [change for change in history if change.key == "k"]
    assert [change.previous_revision for change in mine] == list(range(12))
    assert {change.created_revision for change in mine} == {1}
    them.close()


def test_the_log_is_compacted_to_its_end(storage: Any) -> None:
    for number in range(1, 4):
        assert storage.write("k", b"%d" % number) == number
        storage.compact(number)
    assert storage.write("k", b"") == 4
    assert [change.revision for change in storage.history()] == [4]


def test_the_store_is_emptied_and_its_number_is_another_s(storage: Any) -> None:
    """The place that is known exists, and is in another namespace's log."""
    for _ in range(3):
        storage.write("k", b"")
    execute("TRUNCATE agent_master_storage_state, agent_master_storage_change")
    them = other("them")
    for _ in range(3):
        them.write("k", b"theirs")
    assert them._place == storage._place
    assert storage.write("k", b"ours") == 1
    assert them.write("k", b"theirs") == 4
    assert [change.value for change in storage.history()] == [b"ours"]
    assert {change.value for change in them.history()} == {b"theirs"}
    them.close()


def test_the_store_is_set_back_and_written_on(storage: Any) -> None:
    """As by a restored backup."""
    for number in range(6):
        storage.write("k", b"%d" % number)
    execute("DELETE FROM agent_master_storage_change WHERE revision > 3")
    execute("UPDATE agent_master_storage_entry SET revision = 3, previous_revision = 2")
    assert storage.write("k", b"again") == 4
    (change,) = storage.history(since=3)
    assert (change.value, change.previous_revision) == (b"again", 3)


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_a_level_that_sees_old_moments(storage: Any, level: str) -> None:
    execute(f"SET default_transaction_isolation = '{level}'")
    try:
        assert [storage.write("k", b"") for _ in range(3)] == [1, 2, 3]
        with nothing_but_the_short_way(), pytest.raises(StorageUnavailable):
            storage.write("k", b"")
    finally:
        connections["postgres"].close()


def test_the_log_is_trimmed_all_the_same(storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "history_limit", 100)
    for _ in range(300):
        storage.write("k", b"v")
    assert 100 <= len(storage.history()) <= 110
