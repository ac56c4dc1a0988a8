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

#: of the log's limits, what may be written before it is counted anew
SHARE = 50


class PostgreSQLWriter(Writer):
    """Writer whose lock is no row."""

    def __init__(self, namespace: str, limits: BaseStorage) -> None:
        super().__init__(namespace, limits)
        self.lock_key = pg.lock_key(namespace)
        self._most = max(1, limits.history_limit // SHARE)
        self._most_bytes = max(1, limits.history_bytes // SHARE)
        # Of this process, since it has counted; a lost update of several threads is harmless.
        self._written = self._written_bytes = 0

    def count_if_due(self, uncounted: int, changes: int, size: int) -> bool:
        """Whether tidy() is due, now that so much more was written."""
        self._written += changes
        self._written_bytes += size
        return (
            max(uncounted, self._written) >= self._most or self._written_bytes >= self._most_bytes
        )

    def tidy(self, ours: Transaction) -> None:
        """Count the log, and trim it to its limits."""
        self._lock(ours.cursor)
        self._trim_counted(ours.cursor)

    def _lock(self, cursor: Any) -> None:
        cursor.execute(pg.LOCK, (self.lock_key,))

    def _next_revision(self, cursor: Any, count: int, size: int) -> Any:
        self._lock(cursor)
        while True:
            cursor.execute(pg.NEXT, (self.namespace,))
            row = cursor.fetchone()
            if row is not None:
                break
            self._make_state(cursor)
        revision, uncounted, number = row
        due = self.count_if_due(uncounted, count, size)
        return revision, due, 0, number

    def _trim_if_due(self, cursor: Any, newest: int, held: int, held_bytes: int) -> None:
        # What _next_revision() has said.
        if held:
            self._trim_counted(cursor)

    def _trim_counted(self, cursor: Any) -> None:
        self._written = self._written_bytes = 0
        cursor.execute(pg.COUNT, (self.namespace, self.namespace))
        newest, held, held_bytes = cursor.fetchone()
        limits = self._limits
        if (
            held + self._most > limits.history_limit * 1.1
            or held_bytes + self._most_bytes > limits.history_bytes * 1.1
        ):
            self._trim(cursor, newest, held, held_bytes)

    def compact(self, ours: Transaction, revision: int) -> None:
        """See Writer.compact(). What is dropped must have been counted."""
        self._lock(ours.cursor)
        ours.cursor.execute(pg.COUNT, (self.namespace, self.namespace))
        self._drop_through(ours.cursor, revision)
