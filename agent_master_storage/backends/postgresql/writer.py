"""The writers' lock on PostgreSQL, for both adapters."""

from __future__ import annotations

from ..base import BaseStorage
from ..database.connection import Transaction
from ..database.writer import Writer
from . import statements as pg_statements


class PostgreSQLWriter(Writer):
    """Writer whose lock is no row."""

    def __init__(self, namespace: str, limits: BaseStorage) -> None:
        super().__init__(namespace, limits)
        self.lock_key = pg_statements.lock_key(namespace)

    def _lock(self, ours: Transaction) -> None:
        ours.cursor.execute(pg_statements.LOCK, (self.lock_key,))
        _, isolation = ours.cursor.fetchone()
        if isolation != "read committed":
            ours.cursor.execute(pg_statements.UNCHANGED, (self.namespace,))
