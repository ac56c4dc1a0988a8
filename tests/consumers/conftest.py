"""The stores behind the sockets, and who is at the other end."""

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
    """``admin_user``, but anybody in tests that need no database, which are quicker so."""
    if request.node.get_closest_marker("django_db") is None:
        # Those that a test before has left open would be looked at, which is refused here.
        _close_connections()
        settings.AGENT_MASTER_STORAGE_PERMISSION = everybody_may
        monkeypatch.setattr(Socket, "authorization", None)
        yield
        return
    request.getfixturevalue("admin_user")
    yield
    _close_connections()


def _close_connections() -> None:
    """Those of the thread that works for event loops, which would keep them."""
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
    """Each store in turn, empty."""
    return storages[request.param]
