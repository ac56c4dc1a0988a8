"""Storages: rows, memory, Redis, and the five methods alone; and who looks at them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from agent_master_storage import storages
from agent_master_storage.backends.base import BaseStorage

_BACKENDS = "agent_master_storage.backends"


@pytest.fixture(autouse=True)
def _aliases(settings: Any) -> None:
    settings.AGENT_MASTER_STORAGE = {
        "default": {"BACKEND": f"{_BACKENDS}.database.DatabaseStorage"},
        "memory": {"BACKEND": f"{_BACKENDS}.memory.MemoryStorage"},
        "redis": settings.AGENT_MASTER_STORAGE["redis"],
        "plain": {"BACKEND": "tests.support.dict_storage.DictStorage"},
    }


@pytest.fixture(params=["default", "memory", "redis"])
def logged(request: pytest.FixtureRequest, transactional_db: None) -> BaseStorage:
    """Each storage with a change log."""
    return storages[request.param]


@pytest.fixture(params=["default", "memory", "redis", "plain"])
def storage(request: pytest.FixtureRequest, transactional_db: None) -> BaseStorage:
    """Each storage."""
    return storages[request.param]


@pytest.fixture
def alice(transactional_db: None) -> User:
    """May do everything."""
    return User.objects.create_superuser("alice", "", "secret")


@pytest.fixture
def admin(alice: User) -> Iterator[Client]:
    """Alice's browser."""
    client = Client()
    client.force_login(alice)
    yield client


@pytest.fixture
def viewer(transactional_db: None) -> Client:
    """The browser of somebody who may view entries and nothing else."""
    user = User.objects.create_user("victor", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_entry"))
    client = Client()
    client.force_login(user)
    return client
