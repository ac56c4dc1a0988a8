"""The storages behind the sockets and their users."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from agent_master_storage import storages

from .client import Socket

SQLITE = pytest.mark.django_db(transaction=True)
POSTGRESQL = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


def everybody_may(user: Any, action: str, alias: str, key: str) -> bool:
    return True


@pytest.fixture(autouse=True)
def _visitor(
    request: pytest.FixtureRequest, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """``admin_user``, or a substitute in tests that run faster without a database."""
    if request.node.get_closest_marker("django_db") is None:
        # Connections that an earlier test left open would be checked, which is blocked here.
        _close_connections()
        settings.AGENT_MASTER_STORAGE_PERMISSION = everybody_may
        monkeypatch.setattr(Socket, "authorization", None)
        yield
        return
    request.getfixturevalue("admin_user")
    yield
    _close_connections()


def _close_connections() -> None:
    """Close the connections of the thread that works for event loops."""
    asyncio.run(sync_to_async(connections.close_all)())


@pytest.fixture
def memory() -> Any:
    return storages["memory"]


@pytest.fixture(
    params=[
        "memory",
        "redis",
        pytest.param("default", marks=SQLITE),
        pytest.param("postgres", marks=POSTGRESQL),
    ],
    ids=["memory", "redis", "sqlite", "postgresql"],
)
def storage(request: pytest.FixtureRequest, _visitor: None) -> Any:
    """Each storage in turn, empty."""
    return storages[request.param]
