"""Fixtures: an engine on each store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test import Client

from agent_master_storage import storages
from agent_master_storage.backends.memory import MemoryStorage
from agent_master_storage.engine import Engine

from .api import Api

NAMES = {"memory": "memory", "default": "sqlite", "postgres": "postgresql", "redis": "redis"}
#: aliases of storages that support revisions
STORES = [alias for alias in NAMES if alias in settings.AGENT_MASTER_STORAGE]

#: aliases that need the Redis adapter
collect_ignore = [] if "redis" in STORES else ["test_go_on_redis.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give access to databases to tests that run on every store; tests in memory are faster."""
    mark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])
    for item in items:
        if {"storage", "shared"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(mark)


@pytest.fixture(params=STORES, ids=[NAMES[alias] for alias in STORES])
def storage(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[Any]:
    """Each store, empty."""
    empty(request.param)
    yield storages[request.param]
    # asgiref's thread would keep its connections, so the test database could not be dropped.
    asyncio.run(sync_to_async(connections.close_all)())


@pytest.fixture(
    params=[alias for alias in STORES if alias != "memory"],
    ids=[NAMES[alias] for alias in STORES if alias != "memory"],
)
def shared(request: pytest.FixtureRequest, transactional_db: None) -> Any:
    """Each store that other processes can use, empty."""
    empty(request.param)
    return storages[request.param]


@pytest.fixture
def everywhere(storage: Any) -> Engine:
    """An engine on each store."""
    return Engine(storage=storage)


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine in memory, for behaviour that does not depend on the store."""
    storage = MemoryStorage(alias="test")
    yield Engine(storage=storage)
    storage.close()


def empty(alias: str) -> None:
    """Empty Redis. The test runner empties the databases."""
    if alias == "redis":
        # It exists only where this alias is configured.
        storage: Any = storages[alias]
        import_module("tests.backends.redis.stores").empty(storage.prefix)


def user_who_may(*actions: str, name: str = "una") -> User:
    """Create a staff user with these permissions on entries."""
    user = User.objects.create_user(name, is_staff=True)
    names = [f"{action}_entry" for action in actions]
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))
    return user


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def api(admin_client: Client) -> Api:
    """A user with all permissions, in memory."""
    return Api(admin_client)


@pytest.fixture(params=["memory", "default"])
def any_api(request: pytest.FixtureRequest, transactional_db: None, admin_client: Client) -> Api:
    """A user with all permissions, on both kinds of storages."""
    return Api(admin_client, request.param)


@pytest.fixture
def viewer(db: Any) -> Api:
    """A user that may only view."""
    return Api(browser_of(user_who_may("view")))


_BACKENDS = "agent_master_storage.backends"


@pytest.fixture
def aliases(settings: Any) -> None:
    """Only three storages. The admin's lists show all of them and need their databases."""
    settings.AGENT_MASTER_STORAGE = {
        "default": {"BACKEND": f"{_BACKENDS}.database.DatabaseStorage"},
        "memory": {"BACKEND": f"{_BACKENDS}.memory.MemoryStorage"},
        "plain": {"BACKEND": "tests.support.dict_storage.DictStorage"},
    }
