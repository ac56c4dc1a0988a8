"""Writing into the tables, inside a transaction that DatabaseStorage has begun.

First the writers' lock of the namespace, which is held to the commit, then the next revision,
read from the log behind it, then everything else. The state's row is brought up to date when
enough has been written since, for the log's limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from ...types import Changes, Delete, Operation, Write
from ...watch.log import PAGE_CHANGES
from ..base import BaseStorage
from ..commit import Standing, changes_of, check_conditions
from . import rows, sql
from .connection import Transaction

#: this part of the log's limits may be written before the log is counted and trimmed
SHARE = 20


class Writer:
    """Writes for one namespace, and keeps its log within the storage's limits."""

    def __init__(self, namespace: str, limits: BaseStorage) -> None:
        self.namespace = namespace
        self._limits = limits
        # Of this process, since it has counted; a lost update of several threads is harmless.
        # It begins with counting: many that write little and end would never come to it.
        self._written = self._most
        self._written_bytes = 0

    @property
    def _most(self) -> int:
        return max(1, self._limits.history_limit // SHARE)

    def limits_if_due(self, uncounted: int, changes: int, size: int) -> list[int] | None:
        """What to trim to, now that ``changes`` of ``size`` bytes are written; None: not now.

        ``uncounted`` revisions, of all processes, the state has not counted. The result are
        changes, bytes, and how many must still be uncounted when the lock is held.
        """
        most, limits = self._most, self._limits
        self._written += changes
        self._written_bytes += size
        if self._written >= most or self._written_bytes >= limits.history_bytes // SHARE:
            self._written = self._written_bytes = 0
            return [limits.history_limit, limits.history_bytes, 1]
        if uncounted >= most:
            return [limits.history_limit, limits.history_bytes, most]
        return None

    def put(self, ours: Transaction, key: str, value: bytes, actor: str) -> int:
        """One write without a condition: what nearly all are, in as few statements as will do."""
        cursor, namespace = ours.cursor, self.namespace
        revision, number, trim = self._next_revision(ours, 1, len(value))
        at = rows.to_database(ours.connection, datetime.now(UTC))
        cursor.execute(sql.PUT, (namespace, key, value, revision, revision, 0, at, actor))
        previous, created = cursor.fetchone()
        place, transaction = sql.place(number, revision), ours.takes(revision)
        cursor.execute(
            sql.APPEND,
            (place, namespace, revision, transaction, key, value, previous, created, at, actor),
        )
        if trim:
            self._trim(cursor)
        return revision

    def commit(
        self,
        ours: Transaction,
        operations: Sequence[Operation],
        changing: Sequence[Write | Delete],
        actor: str,
    ) -> Changes:
        """All of ``operations`` as one revision, or the error of the first failed condition.

        ``changing`` are those of them that are no checks.
        """
        cursor = ours.cursor
        size = sum(len(operation.data) for operation in changing if isinstance(operation, Write))
        revision, number, trim = self._next_revision(ours, len(changing), size)
        # After the lock: on PostgreSQL a statement sees what was committed when it began.
        standing = self._standing(cursor, operations)
        check_conditions(operations, standing)
        changes = changes_of(changing, revision, standing, actor)
        self._store(ours, changes, number)
        if trim:
            self._trim(cursor)
        return changes

    def compact(self, ours: Transaction, revision: int) -> None:
        """Drop the changes up to and including ``revision``."""
        # The lock first, so that two who compact at once do not count the same changes.
        self._lock(ours)
        *_, compacted = self._count(ours.cursor)
        self._drop(ours.cursor, compacted, revision)

    def make_state(self, ours: Transaction) -> None:
        """The first look at an empty store: its epoch begins."""
        ours.cursor.execute(sql.MAKE_STATE, (self.namespace, random_epoch()))

    def _lock(self, ours: Transaction) -> None:
        # In a transaction of our own, BEGIN IMMEDIATE has taken it.
        if not ours.locked:
            ours.cursor.execute(sql.LOCK, (self.namespace,))

    def _next_revision(self, ours: Transaction, count: int, size: int) -> tuple[int, int, bool]:
        """The next revision, the namespace's number, and whether to trim after writing."""
        self._lock(ours)
        ours.cursor.execute(sql.NEWEST, (self.namespace,))
        while (row := ours.cursor.fetchone()) is None:
            self.make_state(ours)
            ours.cursor.execute(sql.NEWEST, (self.namespace,))
        newest, counted, number = row
        return newest + 1, number, self.limits_if_due(newest - counted, count, size) is not None

    def _standing(self, cursor: Any, operations: Sequence[Operation]) -> Standing:
        """The revision and created_revision of those keys of the operations that exist."""
        cursor.execute(*sql.standing(self.namespace, [o.key for o in operations]))
        return {key: (revision, created) for key, revision, created in cursor.fetchall()}

    def _store(self, ours: Transaction, changes: Changes, number: int) -> None:
        at = rows.to_database(ours.connection, changes[0].at)
        namespace, revision = self.namespace, changes[0].revision
        first, transaction = sql.place(number, revision), ours.takes(revision)
        appended, put, removed = [], [], []
        for index, c in enumerate(changes):
            appended.append(
                (first + index, namespace, revision, transaction, c.key, c.value,
                 c.previous_revision, c.created_revision, at, c.actor)
            )  # fmt: skip
            if c.value is None:
                removed.append((namespace, c.key))
            else:
                put.append(
                    (namespace, c.key, c.value, revision, c.created_revision,
                     c.previous_revision, at, c.actor)
                )  # fmt: skip
        _many(ours.cursor, sql.APPEND, appended)
        _many(ours.cursor, sql.UPSERT, put)
        _many(ours.cursor, sql.REMOVE, removed)

    # The log's limits

    def _count(self, cursor: Any) -> tuple[int, int, int, int]:
        """The newest revision, the changes and bytes that are held, and what was dropped."""
        cursor.execute(sql.COUNT, (self.namespace, self.namespace))
        counted: tuple[int, int, int, int] = cursor.fetchone()
        return counted

    def _trim(self, cursor: Any) -> None:
        """Drop the oldest changes down to the limits."""
        newest, held, held_bytes, compacted = self._count(cursor)
        most, most_bytes = self._limits.history_limit, self._limits.history_bytes
        # What was dropped before need not be looked through.
        through = seen = compacted
        while held > most or held_bytes > most_bytes:
            cursor.execute(sql.OLDEST_SIZES, [*sql.span(self.namespace, seen), PAGE_CHANGES])
            found = cursor.fetchall()
            for seen, size in found:
                if held <= most and held_bytes <= most_bytes:
                    break
                through, held, held_bytes = seen, held - 1, held_bytes - size
            if len(found) < PAGE_CHANGES:
                break
        # The newest revision stays, however large: a watcher could never read it otherwise.
        self._drop(cursor, compacted, min(through, newest - 1))

    def _drop(self, cursor: Any, compacted: int, revision: int) -> None:
        """Drop what lies between the two; the state has counted all of it."""
        if revision <= compacted:
            return
        span = sql.span(self.namespace, compacted, revision)
        cursor.execute(sql.HELD_THROUGH, span)
        count, size = cursor.fetchone()
        cursor.execute(sql.DROP_THROUGH, span)
        cursor.execute(sql.COMPACTED, (revision, count, size, self.namespace, revision))


def _many(cursor: Any, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
    # executemany() of one costs more than execute().
    if len(parameters) == 1:
        cursor.execute(statement, parameters[0])
    elif parameters:
        cursor.executemany(statement, parameters)


def random_epoch() -> str:
    return uuid4().hex
