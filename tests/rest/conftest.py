"""Users and storages of the REST tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test import AsyncClient, Client

from ..support.processes import Server, asgi_server
from .api import ALIASES, LOGGED, Api

#: returns a client of a new user with the given permissions
LogIn = Callable[..., Client]


@pytest.fixture
def log_in(db: None) -> LogIn:
    def log_in(name: str, *actions: str, **options: Any) -> Client:
        user = User.objects.create_user(name, password="password")
        for action in actions:
            user.user_permissions.add(Permission.objects.get(codename=f"{action}_entry"))
        client = Client(**options)
        client.force_login(user)
        return client

    return log_in


@pytest.fixture(params=ALIASES)
def api(request: pytest.FixtureRequest, admin_client: Client) -> Api:
    """Every kind of storage, for a user with all permissions."""
    return Api(admin_client, request.param)


@pytest.fixture(params=LOGGED)
def logged(request: pytest.FixtureRequest, admin_client: Client) -> Api:
    """Every storage with revisions, for a user with all permissions."""
    return Api(admin_client, request.param)


@pytest.fixture
def default(admin_client: Client) -> Api:
    return Api(admin_client, "default")


@pytest.fixture
def memory(admin_client: Client) -> Api:
    return Api(admin_client, "memory")


@pytest.fixture
def plain(admin_client: Client) -> Api:
    return Api(admin_client, "plain")


@pytest.fixture
async def agent(admin_user: User) -> AsyncIterator[AsyncClient]:
    """An asynchronous client of a user with all permissions."""
    client = AsyncClient()
    await client.aforce_login(admin_user)
    yield client
    # The thread that ran Django's queries stays alive.
    await sync_to_async(connections.close_all)()


@pytest.fixture(scope="session")
def uvicorn(django_db_setup: None) -> Iterator[Server]:
    """A server on the databases of the tests. Tests that use it must commit."""
    with asgi_server("uvicorn") as server:
        yield server
