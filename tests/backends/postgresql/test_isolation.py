"""A transaction that sees an old moment never takes a revision that others have taken since."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections, transaction

from agent_master_storage import storages
from agent_master_storage.exceptions import StorageUnavailable

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


def write_elsewhere(storage: Any, count: int) -> None:
    def write() -> None:
        try:
            for _ in range(count):
                storage.write("b", b"")
        finally:
            storage.release()

    with ThreadPoolExecutor(1) as other:
        other.submit(write).result()


@pytest.mark.parametrize("alias", ["postgres", "postgresql"])
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
@pytest.mark.parametrize("count", [1, 100], ids=["held", "trimmed"])
def test_it_is_refused_once_others_have_written(
    count: int, level: str, alias: str, storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where those that they wrote in its place were dropped from the log."""
    written: Any = storages[alias]
    # Such that the late write is not one that counts and trims the log itself.
    monkeypatch.setattr(written, "history_limit", 60)
    written.write("a", b"")
    with pytest.raises(StorageUnavailable), transaction.atomic("postgres"):
        with connections["postgres"].cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        assert written.read("a") == b""
        write_elsewhere(written, count)
        written.write("c", b"late")
    assert written.list() == ["a", "b"]
    assert written.revision == count + 1
    assert written.oldest > 2 or count == 1


@pytest.mark.parametrize("alias", ["postgres", "postgresql"])
def test_it_is_not_where_none_has(alias: str, storage: Any) -> None:
    written: Any = storages[alias]
    written.write("a", b"")
    with transaction.atomic("postgres"):
        with connections["postgres"].cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert written.read("a") == b""
        assert written.write("b", b"") == 2
    assert written.list() == ["a", "b"]
