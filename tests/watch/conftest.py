"""The stores on which every promise is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from agent_master_storage import storages

DATABASES = ["default", "postgres", "postgresql"]
NAMES = ["sqlite", "database", "postgresql"]


@pytest.fixture(params=["memory", "redis", *DATABASES], ids=["memory", "redis", *NAMES])
def storage(request: pytest.FixtureRequest, transactional_db: None) -> Any:
    """Each store in turn, empty."""
    return storages[request.param]


@pytest.fixture(params=DATABASES, ids=NAMES)
def database(request: pytest.FixtureRequest, transactional_db: None) -> Any:
    """Each store that is a database, empty."""
    return storages[request.param]


@pytest.fixture(params=["redis", *DATABASES], ids=["redis", *NAMES])
def shared(request: pytest.FixtureRequest, transactional_db: None) -> Any:
    """Each store in turn that several processes share, empty."""
    return storages[request.param]


@pytest.fixture(autouse=True)
def _no_connection_left(transactional_db: None) -> Iterator[None]:
    """The thread that works for event loops would keep its connections, and a database."""
    yield
    asyncio.run(sync_to_async(connections.close_all)())
