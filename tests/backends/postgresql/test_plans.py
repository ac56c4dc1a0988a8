"""Lists and pages are ranges of an index, under any locale and however many keys there are."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections

from agent_master_storage import Write
from agent_master_storage.backends.database import sql
from agent_master_storage.backends.postgresql import statements as pg_statements
from agent_master_storage.backends.postgresql.session import connect
from agent_master_storage.backends.postgresql.storage import PostgreSQLStorage
from agent_master_storage.exceptions import StorageUnavailable
from agent_master_storage.testing import wait_for
from agent_master_storage.watch import Selector

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


@pytest.fixture
def filled(storage: Any) -> Any:
    for group in range(20):
        storage.commit([Write(f"{group:02}:{number:03}", b"v" * 100) for number in range(500)])
    with connections["postgres"].cursor() as cursor:
        cursor.execute("ANALYZE agent_master_storage_entry, agent_master_storage_change")
    return storage


def plan(statement: str, parameters: Any) -> str:
    """As it is prepared: once for all parameters."""
    with connect("postgres") as driver:
        driver.execute("SET plan_cache_mode = force_generic_plan")
        places = iter(range(1, 100))
        text = "".join(
            part + (f"${next(places)}" if more else "")
            for part, more in _parts(statement.split("%s"))
        )
        driver.execute(f"PREPARE asked AS {text}")
        values = driver.execute(
            "SELECT string_agg(coalesce(quote_literal(v), 'NULL'), ', ') FROM unnest(%s::text[]) v",
            [[None if value is None else str(value) for value in parameters]],
        ).fetchone()[0]
        rows = driver.execute(f"EXPLAIN (COSTS off) EXECUTE asked({values})").fetchall()
    return "\n".join(row[0] for row in rows)


def _parts(parts: list[str]) -> Any:
    return zip(parts, [*[True] * (len(parts) - 1), False], strict=True)


RANGE = "Index Cond: ((namespace = $1) AND (key >= $2) AND (key < $3))"


def test_a_prefix_is_a_range_of_the_index(filled: Any) -> None:
    found = plan(*sql.keys(filled.namespace, "07:"))
    assert "ams_entry_key on agent_master_storage_entry" in found
    assert RANGE in found
    assert "Seq Scan" not in found
    assert "Sort" not in found


def test_the_database_s_locale_does_not_matter(filled: Any) -> None:
    """The index has the collation of the column, which is "C" and not the database's."""
    with connections["postgres"].cursor() as cursor:
        cursor.execute(
            "SELECT collation_name FROM information_schema.columns WHERE column_name = 'key'"
            " AND table_name IN ('agent_master_storage_entry', 'agent_master_storage_change')"
        )
        assert cursor.fetchall() == [("C",), ("C",)]
        cursor.execute(
            "SELECT c.collname FROM pg_index i JOIN pg_class t ON t.oid = i.indexrelid"
            " JOIN pg_collation c ON c.oid = i.indcollation[1] WHERE t.relname = 'ams_entry_key'"
        )
        assert cursor.fetchall() == [("C",)]


def test_a_page_reads_no_more_than_its_limit(filled: Any) -> None:
    """The sort is of what the limit has left."""
    found = plan(*pg_statements.scan(filled.namespace, "", "07:100", 50, True))
    assert "ams_entry_key on agent_master_storage_entry" in found
    assert "Seq Scan on agent_master_storage_entry" not in found
    assert found.index("Sort") < found.index("Limit") < found.index("ams_entry_key")


def test_a_page_of_the_log_reads_no_more_than_its_limit(filled: Any) -> None:
    found = plan(*pg_statements.log_sizes(filled.namespace, 3, Selector(), 50))
    assert "Seq Scan on agent_master_storage_change" not in found
    assert found.index("Sort") < found.index("Limit") < found.rindex("agent_master_storage_change")


def test_pages_follow_each_other_by_key(filled: Any) -> None:
    keys, after = [], ""
    while page := filled.entries("03:", after=after, limit=64):
        keys += [entry.key for entry in page]
        after = keys[-1]
    assert keys == filled.list("03:") == [f"03:{number:03}" for number in range(500)]


def test_statements_are_prepared_where_the_connection_allows_it(
    storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection: Any = connections["postgres"]
    connection.close()
    options = {**connection.settings_dict["OPTIONS"], "prepare_threshold": 2}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    for number in range(5):
        revision = storage.write("k", b"")
        storage.write("k", b"%d" % number, if_revision=revision)
        assert storage.read("k") == b"%d" % number
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        prepared = " ".join(row[0] for row in cursor.fetchall())
    assert "agent_master_storage_put" in prepared
    assert "agent_master_storage_commit" in prepared
    assert "SELECT value" in prepared
    connection.close()


def test_and_not_where_it_does_not(storage: Any) -> None:
    for _ in range(10):
        storage.write("k", b"")
    with connections["postgres"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        assert cursor.fetchone() == (0,)


@pytest.fixture
def prepares(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The connection, which prepares what is run more than twice."""
    connection: Any = connections["postgres"]
    connection.close()
    options = {**connection.settings_dict["OPTIONS"], "prepare_threshold": 2}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    yield connection
    connection.close()


def names(connection: Any) -> set[str]:
    found = connection.connection.execute("SELECT name FROM pg_prepared_statements").fetchall()
    return {name for (name,) in found if name.startswith("ams_")}


def test_a_write_is_prepared_by_a_name_of_its_own(storage: Any, prepares: Any) -> None:
    other = PostgreSQLStorage(alias="other", using="postgres", namespace="other")
    storage.write("k", b"")
    wait_for(lambda: storage.hub.works is not None)
    # Only where LISTEN has been seen to work is a session our own; two storages share a name.
    for works, prepared in ((None, 0), (False, 0), (True, 1)):
        prepares.close()
        storage.hub.works = works
        for number in range(4):
            for writer in (storage, other):
                writer.write("k", b"%d" % number)
                # The thread that sends notifications has found out for itself.
                storage.hub.works = works
        assert len(names(prepares)) == prepared
    other.close()


def test_a_name_that_was_forgotten(storage: Any, prepares: Any) -> None:
    """psycopg says DEALLOCATE ALL by itself after a rollback; so may anybody."""
    storage.write("k", b"")
    for number in range(2, 12):
        storage.hub.works = True
        assert storage.write("k", b"%d" % number) == number
        if number == 6:
            assert names(prepares)
            prepares.connection.execute("DEALLOCATE ALL")
    assert names(prepares)


def test_a_nul_in_the_namespace_is_no_end(storage: Any) -> None:
    storage.write("k", b"ours")
    other = PostgreSQLStorage(alias="other", using="postgres", namespace=f"{storage.namespace}\0x")
    with pytest.raises(StorageUnavailable):
        other.write("k", b"theirs")
    assert storage.read("k") == b"ours"
    other.close()
