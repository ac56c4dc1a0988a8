"""Servers for these tests, all on the databases of the tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from ..support.processes import Server, asgi_server
from . import servers as serving

#: kind and number of workers, for asgi_server()
KINDS = [("uvicorn", 1), ("uvicorn", 2), ("granian", 2), ("daphne", 1), ("runserver", 1)]

_running: dict[tuple[str, int], Server] = {}


@pytest.fixture(autouse=True)
def _no_connection_left(transactional_db: None) -> Iterator[None]:
    """Close the connections of the thread that works for event loops."""
    yield
    asyncio.run(sync_to_async(connections.close_all)())


@pytest.fixture(scope="session")
def _servers(django_db_setup: None) -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack
    _running.clear()


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind[0]}-{kind[1]}")
def server(request: pytest.FixtureRequest, _servers: ExitStack, admin_user: Any) -> Server:
    """Each server in turn. They keep running, so tests must not end them."""
    return running(_servers, *request.param)


@pytest.fixture
def uvicorn(_servers: ExitStack, admin_user: Any) -> Server:
    return running(_servers, "uvicorn", 1)


def running(stack: ExitStack, kind: str, workers: int) -> Server:
    if (kind, workers) not in _running:
        _running[kind, workers] = stack.enter_context(start(kind, workers))
    return _running[kind, workers]


def start(kind: str, workers: int) -> AbstractContextManager[Server]:
    if kind == "daphne":
        return serving.daphne()
    return serving.runserver() if kind == "runserver" else asgi_server(kind, workers)
