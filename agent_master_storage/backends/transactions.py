"""Running statements on one of Django's databases: transactions, errors, patience."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseError, InterfaceError, OperationalError

from ..exceptions import StorageUnavailable
from . import sqlite

T = TypeVar("T")

#: seconds for which a write outside the caller's transaction waits for the write lock
PATIENCE = 30.0

#: PostgreSQL's codes for a transaction that may simply be tried again
_TRY_AGAIN = {"40001", "40P01"}


class Database:
    """One of settings.DATABASES, as a storage uses it."""

    def __init__(self, using: str, announce: Callable[[], None]) -> None:
        self.using = using
        self._announce = announce
        self._process = os.getpid()

    # Statements

    def row(self, statement: str, parameters: Sequence[Any]) -> Any:
        """The first row, or None."""
        with self._translated(), self._connection().cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchone()

    def rows(self, statement: str, parameters: Sequence[Any]) -> list[Any]:
        return self.reading(lambda cursor: _fetched(cursor, statement, parameters))

    def reading(self, function: Callable[[Any], T]) -> T:
        """Call ``function(cursor)`` wherever the connection stands."""
        with self._translated(), self._connection().cursor() as cursor:
            return function(cursor)

    def alone(self, function: Callable[[Any], T], conditional: bool = True) -> T:
        """Call ``function(cursor)`` in a transaction: the caller's, or one of our own.

        ``conditional``: it may raise half-way, and must then leave no trace.
        """
        with self._translated():
            connection = self._connection()
            if connection.in_atomic_block or not connection.get_autocommit():
                with transaction.atomic(self.using, savepoint=conditional):
                    return _call(connection, function)
            return self._patiently(connection, function)

    def _patiently(
        self, connection: BaseDatabaseWrapper, function: Callable[[Any], T]
    ) -> T:
        """Try again where nothing was done: the lock was not to be had, or we were the victim.

        Never after an error whose outcome is unknown, such as a connection lost in a commit.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self._outermost(connection, function)
            except OperationalError as error:
                if not _may_try_again(connection, error) or time.monotonic() > deadline:
                    raise
            # Random and short: SQLite's own waiting grows, and so starves who waits long.
            time.sleep(random.uniform(0.0005, 0.005))

    def _outermost(
        self, connection: BaseDatabaseWrapper, function: Callable[[Any], T]
    ) -> T:
        if connection.vendor != "sqlite":
            with transaction.atomic(self.using):
                return _call(connection, function)
        sqlite.prepare(connection)
        with sqlite.immediate(connection), transaction.atomic(self.using):
            return _call(connection, function)

    # The commit

    def announce_after_commit(self, revision: int) -> int:
        """Have the commit announced, once; returns the first revision of this transaction."""
        announcement = self._announcement()
        if announcement is None:
            announcement = Announcement(self._announce, revision)
            transaction.on_commit(announcement, using=self.using, robust=True)
        return announcement.first

    def first_revision(self) -> int | None:
        """The first revision that the caller's open transaction has taken."""
        announcement = self._announcement()
        return announcement.first if announcement else None

    def _announcement(self) -> Announcement | None:
        """The one that waits for the commit; a rollback, of a savepoint too, has dropped it."""
        for _, function, *_ in connections[self.using].run_on_commit:
            if (
                isinstance(function, Announcement)
                and function.announce == self._announce
            ):
                return function
        return None

    # Connections

    def release(self) -> None:
        """Close this thread's connections: it is one of ours, and will not read for a while."""
        for connection in connections.all(initialized_only=True):
            if not connection.in_atomic_block:
                connection.close()

    def _connection(self) -> BaseDatabaseWrapper:
        if self._process != os.getpid():
            self._process = os.getpid()
            _leave_to_parent(self.using)
        return connections[self.using]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (DatabaseError, InterfaceError) as error:
            connection = connections[self.using]
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
            raise StorageUnavailable(_explain(error, self.using)) from error


class Announcement:
    """Runs when a transaction has been committed, and remembers where it began."""

    def __init__(self, announce: Callable[[], None], first: int) -> None:
        self.announce = announce
        self.first = first

    def __call__(self) -> None:
        self.announce()


#: connections opened by the parent before a fork; closing one here would end the parent's
_inherited: list[BaseDatabaseWrapper] = []


def _leave_to_parent(using: str) -> None:
    """After a fork: open our own connection, and keep the parent's from being closed."""
    connection = connections[using]
    if connection.connection is None or sqlite.is_in_memory(connection):
        return
    _inherited.append(connection)
    del connections[using]


def _call(connection: BaseDatabaseWrapper, function: Callable[[Any], T]) -> T:
    with connection.cursor() as cursor:
        return function(cursor)


def _fetched(cursor: Any, statement: str, parameters: Sequence[Any]) -> list[Any]:
    cursor.execute(statement, parameters)
    rows: list[Any] = cursor.fetchall()
    return rows


def _may_try_again(connection: BaseDatabaseWrapper, error: OperationalError) -> bool:
    if connection.vendor == "sqlite":
        return "locked" in str(error)
    return getattr(error.__cause__, "sqlstate", None) in _TRY_AGAIN


def _explain(error: Exception, using: str) -> str:
    text = str(error).strip() or type(error).__name__
    if "no such table" in text or "does not exist" in text:
        text += " (has `manage.py migrate` been run on it?)"
    return f"the database {using!r}: {text}"
