"""A write is one round trip, a transaction of its own or part of the caller's."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext

from agent_master_storage import Check, Delete, Write, actor, storages
from agent_master_storage.exceptions import (
    KeyNotFound,
    RevisionConflict,
    StorageError,
    StorageUnavailable,
)
from agent_master_storage.testing import take
from agent_master_storage.watch import Selector

from .proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


def round_trips(proxy: Proxy, function: Any) -> int:
    # The announcement has a connection of its own, which is not what is counted.
    storages["postgresql"].hub.notify = lambda *args: None  # type: ignore[attr-defined]
    before = proxy.round_trips
    function()
    return proxy.round_trips - before


@pytest.fixture(autouse=True)
def _hub_as_it_was() -> Any:
    yield
    for storage in storages.values():
        vars(getattr(storage, "hub", storage)).pop("notify", None)


def test_one_round_trip_for_each(proxy: Proxy) -> None:
    storage: Any = storages["postgresql"]
    storage.write("warm", b"")
    storage.hub.close_if_unused()
    many = [Write(f"k{number}", b"") for number in range(100)]
    for change in (
        lambda: storage.write("new", b"one"),
        lambda: storage.write("new", b"two"),
        lambda: storage.write("new", b"three", if_revision=3),
        lambda: storage.delete("new"),
        lambda: storage.commit([*many, Check("warm", 1), Delete("warm")]),
        lambda: storage.read("k1"),
        lambda: storage.list("k"),
        lambda: storage.entries("k"),
    ):
        assert round_trips(proxy, change) == 1
    assert storage.revision == 6


def test_a_refused_commit_leaves_no_trace_and_takes_no_revision(storage: Any) -> None:
    storage.commit([Write("a", b"1"), Write("b", b"2")])
    state, history = storage.entries(), storage.history()
    for operations, index, error in (
        ([Write("a", b"x"), Write("new", b"", 3)], 1, RevisionConflict),
        ([Write("new", b""), Write("a", b"", 0)], 1, RevisionConflict),
        ([Write("new", b""), Delete("missing")], 1, KeyNotFound),
        ([Delete("a"), Delete("missing", 0)], 1, KeyNotFound),
        ([Delete("a"), Delete("missing", 7)], 1, RevisionConflict),
        ([Check("a", 2), Write("new", b"")], 0, RevisionConflict),
        ([Write("new", b""), Check("a", 1), Check("c", 1)], 2, RevisionConflict),
    ):
        with pytest.raises(error) as caught:
            storage.commit(operations)
        assert caught.value.index == index
    assert (storage.entries(), storage.history(), storage.revision) == (state, history, 1)


def test_both_adapters_make_the_same_rows(storage: Any) -> None:
    """What is written by the function and what by statements can't be told apart."""

    def tell(alias: str) -> list[Any]:
        written: Any = storages[alias]
        with actor("somebody"):
            written.write("a", b"\x00\xff")
            written.write("a", b"")
        with transaction.atomic("postgres"):
            written.commit([Write("b", b"1"), Check("a", 2), Delete("a"), Write("c", b"")])
            written.write("b", b"2", if_revision=3)
        with connections["postgres"].cursor() as cursor:
            cursor.execute(
                'SELECT id, namespace, revision, "transaction", key, value::text,'
                " previous_revision, created_revision, actor FROM agent_master_storage_change"
                " ORDER BY id"
            )
            log = cursor.fetchall()
            cursor.execute(
                "SELECT namespace, key, value::text, revision, created_revision,"
                " previous_revision, actor FROM agent_master_storage_entry ORDER BY key"
            )
            entries = cursor.fetchall()
            for table in ("change", "entry", "state"):
                cursor.execute(f"DELETE FROM agent_master_storage_{table}")
        return [log, entries]

    assert tell("postgresql") == tell("postgres")


def test_inside_atomic_it_joins_and_asks_no_other_connection(storage: Any) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic("postgres"):
        storage.write("undone", b"")
        raise ZeroDivisionError
    with transaction.atomic("postgres"):
        first = storage.write("k", b"one")
        with pytest.raises(RevisionConflict):
            storage.write("k", b"two", if_revision=9)
        assert storage.write("k", b"three", if_revision=first) == 2
        with ThreadPoolExecutor(1) as other:
            assert other.submit(_list_and_release, storage).result() == []
    assert storage.list() == ["k"]
    assert [change.value for change in storage.history()] == [b"one", b"three"]


@pytest.mark.parametrize("aliases", [["postgres", "postgresql"], ["postgresql", "postgres"]])
def test_aliases_of_the_same_rows_share_the_caller_s_transaction(
    aliases: list[str], storage: Any
) -> None:
    """It is one batch in the log, and each of them tells its own watchers."""
    one, two = (storages[alias] for alias in aliases)
    one.write("k", b"")
    with one.changes() as seen_by_one, two.changes() as seen_by_two:
        with transaction.atomic("postgres"):
            with pytest.raises(ZeroDivisionError), transaction.atomic("postgres"):
                two.write("undone", b"")
                raise ZeroDivisionError
            assert [one.write("k", b"1"), two.write("k", b"2"), one.write("k", b"3")] == [2, 3, 4]
            assert one.log_state() == two.log_state()  # type: ignore[attr-defined]
            assert two.log_state().revision == 1  # type: ignore[attr-defined]
        for changes in (seen_by_one, seen_by_two):
            assert [change.value for change in take(changes, 3)] == [b"1", b"2", b"3"]
    (batch,) = one.read_log(1, Selector(), limit=1).batches  # type: ignore[attr-defined]
    assert [change.revision for change in batch.changes] == [2, 3, 4]


def _list_and_release(storage: Any) -> list[str]:
    try:
        found: list[str] = storage.list()
        return found
    finally:
        storage.release()


async def _awrite(storage: Any) -> None:
    await storage.awrite("k", b"joined")
    await storage.acommit([Write("k2", b"joined")])


def test_inside_atomic_async_code_joins_too(storage: Any) -> None:
    from asgiref.sync import async_to_sync

    with pytest.raises(ZeroDivisionError), transaction.atomic("postgres"):
        async_to_sync(_awrite)(storage)
        assert storage.list() == ["k", "k2"]
        raise ZeroDivisionError
    assert storage.list() == []


def test_with_autocommit_off_it_joins(storage: Any) -> None:
    connection = connections["postgres"]
    connection.set_autocommit(False)
    try:
        storage.write("undone", b"")
        connection.rollback()
        storage.write("k", b"")
        connection.commit()
    finally:
        connection.set_autocommit(True)
    assert storage.list() == ["k"]


def test_with_autocommit_off_everywhere_tasks_are_committed(
    storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are in no transaction of anybody's, who could commit it."""
    connections["postgres"].close()
    with monkeypatch.context() as patch:
        patch.setitem(connections["postgres"].settings_dict, "AUTOCOMMIT", False)
        assert asyncio.run(storage.awrite("k", b"")) == 1
        storage.close()
    assert storage.list() == ["k"]


def test_who_listens_to_the_queries_hears_of_them(storage: Any) -> None:
    storage.write("k", b"")
    with CaptureQueriesContext(connections["postgres"]) as captured:
        storage.write("k", b"one")
        assert storage.read("k") == b"one"
    told = " ".join(query["sql"] for query in captured)
    assert "agent_master_storage_commit" in told
    assert "SELECT value" in told


def test_who_listens_before_there_is_a_connection_hears_of_them_too(storage: Any) -> None:
    told: list[str] = []

    def listen(execute: Any, sql: str, *rest: Any) -> Any:
        told.append(sql)
        return execute(sql, *rest)

    storage.write("k", b"")
    connections["postgres"].close()
    with connections["postgres"].execute_wrapper(listen):
        storage.write("k", b"one")
    assert "agent_master_storage_commit" in " ".join(told)


@pytest.mark.parametrize("alias", ["postgres", "postgresql"])
@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_sessions_that_see_an_old_moment_are_tried_again(alias: str, level: str) -> None:
    storage: Any = storages[alias]
    threads, writes = 4, 15

    def write(number: int) -> list[int]:
        connection = connections["postgres"]
        with connection.cursor() as cursor:
            cursor.execute(f"SET default_transaction_isolation = '{level}'")
        try:
            return [storage.write(f"k{number}", b"") for _ in range(writes)]
        finally:
            storage.release()

    with ThreadPoolExecutor(threads) as pool:
        found = [revision for part in pool.map(write, range(threads)) for revision in part]
    assert sorted(found) == list(range(1, threads * writes + 1))
    assert len(storage.history()) == threads * writes


def test_a_transaction_that_sees_an_old_moment_can_t_write_over_others(storage: Any) -> None:
    storage.write("k", b"one")
    with pytest.raises(StorageUnavailable), transaction.atomic("postgres"):
        with connections["postgres"].cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert storage.read("k") == b"one"
        with ThreadPoolExecutor(1) as other:
            other.submit(lambda: (storage.write("k", b"two"), storage.release())).result()
        storage.write("k", b"lost", if_revision=1)
    assert storage.read("k") == b"two"
    assert storage.revision == 2


@pytest.mark.parametrize("name", ["agent_master_storage_commit", "agent_master_storage_put"])
def test_without_a_function_the_error_says_what_to_do(storage: Any, name: str) -> None:
    storage.write("k", b"")
    with connections["postgres"].cursor() as cursor:
        cursor.execute(f"ALTER FUNCTION {name} RENAME TO away")
    try:
        with pytest.raises(StorageError, match="run on it"):
            storage.write("new", b"")
    finally:
        with connections["postgres"].cursor() as cursor:
            cursor.execute(f"ALTER FUNCTION away RENAME TO {name}")
    assert storage.write("new", b"") == 2


def test_the_functions_go_and_come_with_their_migrations(storage: Any) -> None:
    from django.core.management import call_command

    storage.write("k", b"before")
    call_command("migrate", "agent_master_storage", "0001", database="postgres", verbosity=0)
    with connections["postgres"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_proc WHERE proname LIKE 'agent_master_storage%'")
        assert cursor.fetchone() == (0,)
    call_command("migrate", "agent_master_storage", database="postgres", verbosity=0)
    assert storage.write("k", b"after") == 2
