"""Writing into the tables, inside a transaction that DatabaseStorage has begun.

First the state's row is updated: that takes the writers' lock, which is held to the commit, and
the next revision with it. Everything else comes after it. On PostgreSQL the lock is another:
``pg_writing.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from ..types import Change, Changes, Delete, Operation, Write
from ..watch.log import PAGE_CHANGES
from . import rows, sql
from .base import BaseStorage
from .operations import Standing, changes_of, check_conditions
from .transactions import Transaction


class Writer:
    """Writes for one namespace, and keeps its log within the storage's limits."""

    def __init__(self, namespace: str, limits: BaseStorage) -> None:
        self.namespace = namespace
        self._limits = limits

    def put(self, ours: Transaction, operation: Write, actor: str) -> Changes:
        """One write without a condition: what nearly all are, in as few statements as will do."""
        cursor, key, value = ours.cursor, operation.key, operation.data
        revision, held, held_bytes, number = self._next_revision(cursor, 1, len(value))
        at = datetime.now(UTC)
        stored_at = rows.to_database(ours.connection, at)
        entry = (self.namespace, key, value, revision, revision, 0, stored_at, actor)
        cursor.execute(sql.PUT, entry)
        previous, created = cursor.fetchone()
        place, transaction = sql.place(number, revision), ours.takes(revision)
        cursor.execute(
            sql.APPEND,
            (place, self.namespace, revision, transaction, key, value, previous, created,
             stored_at, actor),
        )  # fmt: skip
        self._trim_if_due(cursor, revision, held, held_bytes)
        return [
            Change(
                type="write",
                key=key,
                value=value,
                revision=revision,
                previous_revision=previous,
                at=at,
                actor=actor,
                created_revision=created,
            )
        ]

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
        revision, held, held_bytes, number = self._next_revision(cursor, len(changing), size)
        # After the lock: on PostgreSQL a statement sees what was committed when it began.
        standing = self._standing(cursor, operations)
        check_conditions(operations, standing)
        changes = changes_of(changing, revision, standing, actor)
        self._store(ours, changes, number)
        self._trim_if_due(cursor, revision, held, held_bytes)
        return changes

    def compact(self, ours: Transaction, revision: int) -> None:
        """Drop the changes up to and including ``revision``."""
        # The lock first, so that two who compact at once do not count the same changes.
        self._lock(ours.cursor)
        self._drop_through(ours.cursor, revision)

    def make_state(self, ours: Transaction) -> None:
        """The first look at an empty store: its epoch begins."""
        self._make_state(ours.cursor)

    def _make_state(self, cursor: Any) -> None:
        cursor.execute(sql.MAKE_STATE, (self.namespace, random_epoch()))

    def _lock(self, cursor: Any) -> None:
        cursor.execute(sql.LOCK, (self.namespace,))

    def _next_revision(self, cursor: Any, count: int, size: int) -> Any:
        parameters = (count, size, self.namespace)
        cursor.execute(sql.NEXT_REVISION, parameters)
        while (row := cursor.fetchone()) is None:
            self._make_state(cursor)
            cursor.execute(sql.NEXT_REVISION, parameters)
        return row

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

    def _trim_if_due(self, cursor: Any, newest: int, held: int, held_bytes: int) -> None:
        limits = self._limits
        if held > limits.history_limit * 1.1 or held_bytes > limits.history_bytes * 1.1:
            self._trim(cursor, newest, held, held_bytes)

    def _trim(
        self, cursor: Any, newest: int, held: int, held_bytes: int, compacted: int = 0
    ) -> None:
        """Drop the oldest changes down to the limits; seldom, because of the slack.

        ``compacted``: what was dropped up to there need not be looked through.
        """
        most, most_bytes = self._limits.history_limit, self._limits.history_bytes
        through, seen = 0, compacted
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
        self._drop_through(cursor, min(through, newest - 1), compacted)

    def _drop_through(self, cursor: Any, revision: int, compacted: int = 0) -> None:
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
