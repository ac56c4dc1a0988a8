"""RedisStorage keeps the contract."""

from __future__ import annotations

from typing import Any

from agent_master_storage.backends.redis import RedisStorage
from agent_master_storage.testing import SharedStoreContract, StorageContract

from ..redis.stores import empty, make_storage

PREFIX = "contract"


class TestRedis(SharedStoreContract, StorageContract):
    def _begin(self, test: str) -> None:
        empty(PREFIX)
        super()._begin(test)

    def make_storage(self, **options: Any) -> RedisStorage:
        return make_storage(PREFIX, **options)
