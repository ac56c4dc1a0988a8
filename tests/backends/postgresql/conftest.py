"""The adapter of these tests, on the suite's server; and a proxy before it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from agent_master_storage import storages
from agent_master_storage.backends.postgresql.storage import PostgreSQLStorage

from .proxy import Proxy


@pytest.fixture
def storage(transactional_db: None) -> Iterator[PostgreSQLStorage]:
    """Empty."""
    found = storages["postgresql"]
    assert isinstance(found, PostgreSQLStorage)
    yield found
    storages.reset()
    # The thread that works for event loops would keep its connections, and a database.
    asyncio.run(sync_to_async(connections.close_all)())


@pytest.fixture
def commits(storage: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many were committed together, each time."""
    sizes: list[int] = []
    database = storage._database
    put, commit = database.put, database.commit

    def counted_put(*arguments: Any) -> Any:
        sizes.append(1)
        return put(*arguments)

    def counted_commit(connection: Any, statement: str, parameters: Any) -> Any:
        groups, keys = parameters[3], parameters[5]
        sizes.append(len(keys if groups is None else set(groups)))
        return commit(connection, statement, parameters)

    monkeypatch.setattr(database, "put", counted_put)
    monkeypatch.setattr(database, "commit", counted_commit)
    return sizes


@pytest.fixture
def proxy(storage: PostgreSQLStorage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Every connection that is made from here on goes through it."""
    connection: Any = connections["postgres"]
    address = connection.settings_dict["HOST"], int(connection.settings_dict["PORT"])
    with Proxy(address) as running:
        connection.close()
        # What was found out without it is not to be believed.
        storage.hub.close_if_unused()
        storage.hub.works = None
        monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        monkeypatch.setitem(connection.settings_dict, "PORT", str(running.port))
        yield running
        storages.reset()
        connection.close()
