"""A store of the test's own, and a plain client beside it that knows nothing of us."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from agent_master_storage.backends.redis import RedisStorage

from ...support.servers import free_port, redis_address, redis_kinds, redis_server
from . import stores

PREFIX = "t[e]*s?t\\-{x}"


@pytest.fixture(scope="session", params=["the suite's", *redis_kinds()])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of each kind of server in turn."""
    if request.param == "the suite's":
        yield redis_address()
        return
    port = free_port()
    with redis_server(redis_kinds()[request.param], port):
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture
def prefix(server: str) -> str:
    """One that would match others if it were taken for a pattern, with a hash tag."""
    stores.empty(PREFIX, server)
    return PREFIX


@pytest.fixture
def engine(server: str) -> Iterator[redis.Redis]:
    """What a Go engine does, it does by such a client: GET, SET, DEL, KEYS."""
    with stores.client(server) as client:
        yield client


@pytest.fixture
def make(prefix: str, server: str) -> Iterator[Callable[..., RedisStorage]]:
    """Makes storages of that prefix, as several processes have them; closed at the end."""
    made: list[RedisStorage] = []

    def make(**options: Any) -> RedisStorage:
        made.append(stores.make_storage(prefix, options.pop("url", server), **options))
        return made[-1]

    yield make
    for storage in made:
        storage.close()


@pytest.fixture
def storage(make: Callable[..., RedisStorage]) -> RedisStorage:
    return make()
