"""Servers for the whole run, and what the tests share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from . import servers

_stack = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    if not config.option.collectonly:
        _stack.enter_context(servers.postgres())
        _stack.enter_context(servers.redis_url())


def pytest_unconfigure(config: pytest.Config) -> None:
    _stack.close()


@pytest.fixture(scope="session")
def redis_url() -> str:
    """A Redis or Valkey of our own."""
    return servers.redis_address()


@pytest.fixture(autouse=True)
def _fresh_storages() -> Iterator[None]:
    """Each test begins with new adapters and ends without threads of theirs."""
    from agent_master_storage import storages

    from .redis.stores import empty_if_used

    yield
    storages.reset()
    empty_if_used("tests")
