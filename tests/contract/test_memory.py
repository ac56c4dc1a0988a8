"""MemoryStorage keeps the contract."""

from __future__ import annotations

from typing import Any

from agent_master_storage.backends.memory import MemoryStorage
from agent_master_storage.testing import StorageContract


class TestMemory(StorageContract):
    def make_storage(self, **options: Any) -> MemoryStorage:
        return MemoryStorage(alias="test", **options)
