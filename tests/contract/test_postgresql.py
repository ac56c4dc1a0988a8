"""DatabaseStorage on PostgreSQL keeps the contract."""

from __future__ import annotations

from typing import Any

import pytest

from agent_master_storage.backends.database.storage import DatabaseStorage
from agent_master_storage.testing import SharedStoreContract, StorageContract


@pytest.mark.django_db(transaction=True, databases=["postgres"])
class TestPostgreSQL(SharedStoreContract, StorageContract):
    def make_storage(self, **options: Any) -> DatabaseStorage:
        return DatabaseStorage(alias="test", using="postgres", **options)
