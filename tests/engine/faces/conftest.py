"""Who looks at the engine, and through what."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from .api import Api


def user_who_may(*actions: str, name: str = "una") -> User:
    """A member of staff with these permissions on entries."""
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
    """In memory, for one who may do everything."""
    return Api(admin_client)


@pytest.fixture(params=["memory", "default"])
def any_api(request: pytest.FixtureRequest, transactional_db: None, admin_client: Client) -> Api:
    """On storages of both kinds."""
    return Api(admin_client, request.param)


@pytest.fixture
def viewer(db: Any) -> Api:
    """For one who may view, and nothing else."""
    return Api(browser_of(user_who_may("view")))


_BACKENDS = "agent_master_storage.backends"


@pytest.fixture
def aliases(settings: Any) -> None:
    """Three storages: the admin's lists show all, and need their databases."""
    settings.AGENT_MASTER_STORAGE = {
        "default": {"BACKEND": f"{_BACKENDS}.database.DatabaseStorage"},
        "memory": {"BACKEND": f"{_BACKENDS}.memory.MemoryStorage"},
        "plain": {"BACKEND": "tests.dict_storage.DictStorage"},
    }
