"""An adapter of five methods: its part of the contract, and what the app makes of it."""

from __future__ import annotations

from typing import Any

from agent_master_storage.testing import StorageContract

from .support.dict_storage import DictStorage


class TestDictStorage(StorageContract):
    def make_storage(self, **options: Any) -> DictStorage:
        return DictStorage(alias="test", **options)
