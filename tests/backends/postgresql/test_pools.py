"""Django's pool of connections: nobody waits for one that he himself keeps from another."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import pytest
from django.db import connections

from agent_master_storage import storages

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])

SIZE = 4


@pytest.fixture
def pool(storage: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Django's, of SIZE connections; who waits two seconds for one gets an error."""
    connection: Any = connections["postgres"]
    connection.close()
    options = {"pool": {"min_size": 1, "max_size": SIZE, "timeout": 2}}
    options = {**connection.settings_dict["OPTIONS"], **options}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    yield connection.pool
    storages.reset()
    connection.close()
    connection.close_pool()


def test_writers_may_hold_all_of_it(storage: Any, pool: Any) -> None:
    """As requests do, which have looked up their user before they write."""
    holding = threading.Barrier(SIZE)

    def request(number: int) -> list[int]:
        try:
            with connections["postgres"].cursor() as cursor:
                cursor.execute("SELECT 1")
            holding.wait(10)
            return [storage.write(f"k{number}", b"") for _ in range(5)]
        finally:
            storage.release()

    with ThreadPoolExecutor(SIZE) as workers:
        found = list(workers.map(request, range(SIZE)))
    assert sorted(chain.from_iterable(found)) == list(range(1, 5 * SIZE + 1))


def test_a_child_has_its_own(storage: Any, pool: Any) -> None:
    storage.write("k", b"parent")
    ours = {connections["postgres"].connection.info.backend_pid}  # type: ignore[union-attr]
    ours |= {driver.info.backend_pid for driver in pool._pool}
    if not (child := os.fork()):
        code = 1
        try:
            assert storage.write("k", b"child") == 2
            own: Any = connections["postgres"]
            assert own.pool is not pool
            assert own.connection.info.backend_pid not in ours
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert storage.write("k", b"parent") == 3
