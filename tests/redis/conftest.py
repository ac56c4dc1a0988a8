"""A store of the test's own, and a plain client beside it that knows nothing of us."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from agent_master_storage.backends.redis import RedisStorage

from . import stores

PREFIX = "t[e]*s?t\\-{x}"


@pytest.fixture
def prefix() -> str:
    """One that would match others if it were taken for a pattern, with a hash tag."""
    stores.empty(PREFIX)
    return PREFIX


@pytest.fixture
def engine() -> Iterator[redis.Redis]:
    """What a Go engine does, it does by such a client: GET, SET, DEL, KEYS."""
    with stores.client() as client:
        yield client


@pytest.fixture
def make(prefix: str) -> Iterator[Callable[..., RedisStorage]]:
    """Makes storages of that prefix, as several processes have them; closed at the end."""
    made: list[RedisStorage] = []

    def make(**options: Any) -> RedisStorage:
        made.append(stores.make_storage(options.pop("prefix", prefix), **options))
        return made[-1]

    yield make
    for storage in made:
        storage.close()


@pytest.fixture
def storage(make: Callable[..., RedisStorage]) -> RedisStorage:
    return make()
