"""A store that can't be reached, or was never made: one error, which says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ...support.children import child
from ...support.servers import free_port

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])

ATTEMPTS = 13


def attempts(alias: str, **database: Any) -> list[list[str]]:
    with child("tests.backends.database.attempt", alias, databases={alias: database}) as process:
        lines = process.finish()
    assert len(lines) == ATTEMPTS
    return lines


def check_all_unavailable(lines: list[list[str]], reason: str) -> None:
    for name, error, cause, message in lines:
        assert error == "StorageUnavailable", (name, error, message)
        assert cause.startswith("django.db"), (name, cause)
        assert reason in message, (name, message)


def test_no_server() -> None:
    check_all_unavailable(attempts("postgres", PORT=str(free_port())), "the database 'postgres'")


def test_no_such_database() -> None:
    check_all_unavailable(attempts("postgres", NAME="no_such_database"), "no_such_database")


def test_no_tables_on_postgresql() -> None:
    check_all_unavailable(attempts("postgres", NAME="postgres"), "manage.py migrate")


def test_no_tables_on_sqlite(tmp_path: Path) -> None:
    check_all_unavailable(attempts("default", NAME=str(tmp_path / "new")), "manage.py migrate")


def test_no_folder_for_the_file(tmp_path: Path) -> None:
    check_all_unavailable(
        attempts("default", NAME=str(tmp_path / "no" / "file")), "unable to open database file"
    )


def test_no_database_but_something_else(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"this is no database " * 100)
    check_all_unavailable(attempts("default", NAME=str(tmp_path / "text")), "not a database")


def test_a_good_one_for_comparison() -> None:
    lines = attempts("default", OPTIONS={"transaction_mode": "IMMEDIATE"})
    found = {name: error for name, error, *_ in lines}
    assert found.pop("read") == "KeyNotFound"
    assert found == dict.fromkeys(found, "")
