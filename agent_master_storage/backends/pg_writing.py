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
        self._most = max(1, limits.history_limit // SHARE)
        self._most_bytes = max(1, limits.history_bytes // SHARE)
        # Of this process, since it has counted; a lost update of several threads is harmless.
        self._written = self._written_bytes = 0

    def limits_if_due(self, uncounted: int, changes: int, size: int) -> list[int] | None:
        """What to trim to, now that ``changes`` of ``size`` bytes are written; None: not now.

        ``uncounted`` revisions, of all processes, the state has not counted. The result are
        changes, bytes, and how many must still be uncounted when the lock is held.
        """
        self._written += changes
        self._written_bytes += size
        if self._written >= self._most or self._written_bytes >= self._most_bytes:
            self._written = self._written_bytes = 0
            return [self._limits.history_limit, self._limits.history_bytes, 1]
        if uncounted >= self._most:
            return [self._limits.history_limit, self._limits.history_bytes, self._most]
        return None

    def compact(self, ours: Transaction, revision: int) -> None:
        """See Writer.compact(). What is dropped must have been counted."""
        self._lock(ours.cursor)
        *_, compacted = self._count(ours.cursor)
        self._drop_through(ours.cursor, revision, compacted)

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
        return revision, self.limits_if_due(uncounted, count, size) is not None, 0, number

    def _trim_if_due(self, cursor: Any, newest: int, held: int, held_bytes: int) -> None:
        # ``held`` is what _next_revision() has said.
        if held:
            self._trim(cursor, *self._count(cursor))
