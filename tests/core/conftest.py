"""Storages for the tests of the core."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from agent_master_storage import storages
from agent_master_storage.backends.memory import MemoryStorage


@pytest.fixture
def memory() -> Iterator[MemoryStorage]:
    storage = MemoryStorage(alias="test")
    yield storage
    storage.close()


@pytest.fixture(params=["default", "postgres"], ids=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[Any]:
    """Each store that is a database, empty."""
    yield storages[request.param]
    # The thread that works for event loops would keep its connections, and a database.
    asyncio.run(sync_to_async(connections.close_all)())
