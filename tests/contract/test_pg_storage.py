"""PostgreSQLStorage keeps the contract."""

from __future__ import annotations

from typing import Any

import pytest

from agent_master_storage.backends.postgresql.storage import PostgreSQLStorage
from agent_master_storage.testing import SharedStoreContract, StorageContract


@pytest.mark.django_db(transaction=True, databases=["default", "postgres"])
class TestPostgreSQLStorage(SharedStoreContract, StorageContract):
    def make_storage(self, **options: Any) -> PostgreSQLStorage:
        return PostgreSQLStorage(alias="test", using="postgres", **options)
