"""RedisStorage keeps the contract: on Redis, the oldest and the newest, and on Valkey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from agent_master_storage.backends.redis import RedisStorage
from agent_master_storage.backends.redis import transaction as large
from agent_master_storage.testing import SharedStoreContract, StorageContract

from ..backends.redis.stores import empty, make_storage
from ..support.servers import free_port, redis_binary, redis_kinds, redis_server

PREFIX = "contract"
SERVERS = {"default": redis_binary(), **redis_kinds()}


class TestRedis(SharedStoreContract, StorageContract):
    url: ClassVar[str]

    @pytest.fixture(scope="class", autouse=True, params=SERVERS)
    @classmethod
    def _server(cls, request: pytest.FixtureRequest) -> Iterator[None]:
        yield from cls._run(request.param)

    @classmethod
    def _run(cls, kind: str) -> Iterator[None]:
        port = free_port()
        cls.url = f"redis://127.0.0.1:{port}/0"
        with redis_server(SERVERS[kind], port):
            yield

    def _begin(self, test: str) -> None:
        empty(PREFIX, self.url)
        super()._begin(test)

    def make_storage(self, **options: Any) -> RedisStorage:
        return make_storage(PREFIX, self.url, **options)


class TestRedisInParts(TestRedis):
    """Every commit as large ones are made."""

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _server(cls) -> Iterator[None]:
        yield from cls._run("default")

    @pytest.fixture(autouse=True)
    def _all_are_large(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(large, "is_large", bool)
