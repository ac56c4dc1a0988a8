"""The writers' lock and the counting of the log on PostgreSQL, for both adapters.

On SQLite each write updates the row of its namespace's state. On PostgreSQL an advisory lock is
taken instead and the next revision read from the log behind it (``pg_statements.LOCK`` says
why). The row is brought up to date when enough has been written since, for the log's limits.
"""

from __future__ import annotations

from typing import Any

from . import pg_statements as pg
from .base import BaseStorage
from .transactions import Transaction
from .writing import Writer

#: this part of the log's limits may be written before the log is counted and trimmed
SHARE = 20


class PostgreSQLWriter(Writer):
    """Writer whose lock is no row."""

    def __init__(self, namespace: str, limits: BaseStorage) -> None:
        super().__init__(namespace, limits)
        self.lock_key = pg.lock_key(namespace)
        #: changes and bytes
        self.limits = [limits.history_limit, limits.history_bytes]
        self._most = max(1, limits.history_limit // SHARE)
        self._most_bytes = max(1, limits.history_bytes // SHARE)
        # Of this process, since it has counted; a lost update of several threads is harmless.
        self._written = self._written_bytes = 0

    def is_trim_due(self, uncounted: int, changes: int, size: int) -> bool:
        """Whether to count and trim, when ``changes`` of ``size`` bytes are written.

        ``uncounted`` revisions, of all processes, the state has not counted.
        """
        self._written += changes
        self._written_bytes += size
        if max(uncounted, self._written) < self._most and self._written_bytes < self._most_bytes:
            return False
        self._written = self._written_bytes = 0
        return True

    def compact(self, ours: Transaction, revision: int) -> None:
        """See Writer.compact(). What is dropped must have been counted."""
        self._lock(ours.cursor)
        self._count(ours.cursor)
        self._drop_through(ours.cursor, revision)

    def _lock(self, cursor: Any) -> None:
        cursor.execute(pg.LOCK, (self.lock_key,))

    def _count(self, cursor: Any) -> Any:
        cursor.execute(pg.COUNT, (self.namespace, self.namespace))
        return cursor.fetchone()

    def _next_revision(self, cursor: Any, count: int, size: int) -> Any:
        self._lock(cursor)
        cursor.execute(pg.NEXT, (self.namespace,))
        while (row := cursor.fetchone()) is None:
            self._make_state(cursor)
            cursor.execute(pg.NEXT, (self.namespace,))
        revision, uncounted, number = row
        return revision, self.is_trim_due(uncounted, count, size), 0, number

    def _trim_if_due(self, cursor: Any, newest: int, held: int, held_bytes: int) -> None:
        # ``held`` is what _next_revision() has said.
        if held:
            self._trim(cursor, *self._count(cursor))
