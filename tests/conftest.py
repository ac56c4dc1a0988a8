"""Servers for the whole run, and what the tests share."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import hypothesis
import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from .support import servers

_stack = ExitStack()

# On a busy machine a deadline says nothing.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")


#: folders of tests that use no other model than the storages'
STORAGES_ALONE = {"contract", "postgresql", "watch"}
#: processes that share the work; each has its own servers, which cost memory
MOST_WORKERS = 4


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores, but none beside ourselves on a server that we do not own.

    A fifth of the time, tests wait: for servers to start, for what must not happen.
    """
    return 0 if servers.are_given() else min((os.cpu_count() or 1) + 1, MOST_WORKERS)


def pytest_configure(config: pytest.Config) -> None:
    # Who only hands out the work to others needs none.
    if not config.option.collectonly and getattr(config.option, "dist", "no") == "no":
        # Nobody pulls the plug on this one; most of the time would go to waiting for the disk.
        _stack.enter_context(servers.postgres("-c", "fsync=off"))
        _stack.enter_context(servers.redis_url())


def pytest_unconfigure(config: pytest.Config) -> None:
    _stack.close()


@pytest.fixture(scope="session")
def django_db_modify_db_settings_xdist_suffix() -> None:
    """Names as without it: each process has its own servers and its own folder."""


@pytest.fixture(scope="session")
def redis_url() -> str:
    """A Redis or Valkey of our own."""
    return servers.redis_address()


@pytest.fixture(autouse=True)
def _fresh_storages() -> Iterator[None]:
    """Each test begins with new adapters and ends without threads of theirs."""
    from agent_master_storage import storages

    from .backends.redis.stores import empty_if_used

    yield
    storages.reset()
    empty_if_used("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where a test has nothing but storages, nothing else is emptied behind it.

    Emptying everything makes the permissions and content types anew, which takes longer than
    most of the tests.
    """
    for item in items:
        marker = item.get_closest_marker("django_db")
        if marker is not None and item.path.parent.name in STORAGES_ALONE:
            options = {"available_apps": ["agent_master_storage"], **marker.kwargs}
            item.add_marker(pytest.mark.django_db(**options), append=False)


@pytest.fixture
def memory() -> Iterator[Any]:
    """A MemoryStorage that no setting names."""
    from agent_master_storage.backends.memory import MemoryStorage

    storage = MemoryStorage(alias="test")
    yield storage
    storage.close()


@pytest.fixture(params=["default", "postgres"], ids=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[Any]:
    """A DatabaseStorage on each supported database, empty."""
    from agent_master_storage import storages

    yield storages[request.param]
    # The thread that serves event loops would keep its connections open.
    asyncio.run(sync_to_async(connections.close_all)())
