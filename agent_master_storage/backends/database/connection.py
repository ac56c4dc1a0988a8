"""Running statements on one of Django's databases: transactions, errors, patience."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseError, IntegrityError, InterfaceError, OperationalError

from ...exceptions import StorageUnavailable
from ...forks import call_in_child
from . import sqlite

T = TypeVar("T")

#: seconds for which a write outside the caller's transaction waits for the write lock
PATIENCE = 30.0
#: the same for what our own threads do beside their reading
BRIEFLY = 1.0

_BROKEN = (DatabaseError, InterfaceError)

#: PostgreSQL's codes for a transaction that may simply be tried again. The last is one that sees
#: an old moment (it is not READ COMMITTED) and took a revision that another has taken since.
_TRY_AGAIN = {"40001", "40P01", "23505"}


class Database:
    """One of settings.DATABASES, as a storage uses it."""

    def __init__(self, using: str, namespace: str, announce: Callable[[], None]) -> None:
        self.using = using
        self.namespace = namespace
        self._announce = announce
        _used.add(using)
        self.vendor = connections[using].vendor

    # Statements

    def row(self, statement: str, parameters: Sequence[Any]) -> Any:
        """The first row, or None."""
        try:
            with self._cursor(self._connection()) as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchone()
        except _BROKEN as error:
            raise self._unavailable(error) from error

    def rows(self, statement: str, parameters: Sequence[Any]) -> list[Any]:
        """All rows."""
        try:
            with self._cursor(self._connection()) as cursor:
                cursor.execute(statement, parameters)
                found: list[Any] = cursor.fetchall()
                return found
        except _BROKEN as error:
            raise self._unavailable(error) from error

    def alone(
        self,
        function: Callable[[Transaction], T],
        conditional: bool = True,
        patience: float = PATIENCE,
    ) -> T:
        """Call ``function(transaction)`` in a transaction: the caller's, or one of our own.

        ``conditional``: it may raise half-way, and must then leave no trace. ``patience``:
        seconds to wait for locks.
        """
        try:
            connection = self._connection()
            if connection.in_atomic_block or not connection.get_autocommit():
                with transaction.atomic(self.using, savepoint=conditional):
                    return self._joined(connection, function)
            return self._patiently(
                connection, lambda: self._outermost(connection, function, patience), patience
            )
        except _BROKEN as error:
            raise self._unavailable(error) from error

    def _joined(self, connection: BaseDatabaseWrapper, function: Callable[[Transaction], T]) -> T:
        with self._cursor(connection) as cursor:
            ours = Transaction(connection, cursor, self.first_revision())
            result = function(ours)
        announced = any(found.announce == self._announce for found in self._announcements())
        if ours.first is not None and not announced:
            announcement = Announcement(self._announce, self.namespace, ours.first)
            transaction.on_commit(announcement, using=self.using, robust=True)
        return result

    def _patiently(
        self,
        connection: BaseDatabaseWrapper,
        attempt: Callable[[], T],
        patience: float,
    ) -> T:
        """Try again where nothing was done: the lock was not to be had, or we were the victim.

        Never after an error whose outcome is unknown, such as a connection lost in a commit.
        """
        deadline = time.monotonic() + patience
        while True:
            try:
                return attempt()
            except (OperationalError, IntegrityError) as error:
                if not _may_try_again(connection, error) or time.monotonic() > deadline:
                    raise
            # Random and short: SQLite's own waiting grows, and so starves who waits long.
            time.sleep(random.uniform(0.0005, 0.005))

    def _outermost(
        self,
        connection: BaseDatabaseWrapper,
        function: Callable[[Transaction], T],
        patience: float,
    ) -> T:
        begin = sqlite.begin if connection.vendor == "sqlite" else _begin
        with begin(connection) if patience >= PATIENCE else _begin_soon(connection) as cursor:
            ours = Transaction(connection, cursor, locked=connection.vendor == "sqlite")
            result = function(ours)
        if ours.first is not None:
            self._announce()
        return result

    # The commit

    def first_revision(self) -> int | None:
        """The first revision that the caller's open transaction has taken."""
        return next((found.first for found in self._announcements()), None)

    def _announcements(self) -> Iterator[Announcement]:
        """Of what the caller's open transaction has written here, by any alias of these rows."""
        for _, function, *_ in connections[self.using].run_on_commit:
            # A rollback, of a savepoint too, has dropped it from the list.
            if isinstance(function, Announcement) and function.namespace == self.namespace:
                yield function

    # Connections

    def release(self) -> None:
        """Close this thread's connections: it is one of ours, and will not read for a while."""
        for connection in connections.all(initialized_only=True):
            if not connection.in_atomic_block:
                connection.close()

    def _connection(self) -> BaseDatabaseWrapper:
        return connections[self.using]

    def _cursor(self, connection: BaseDatabaseWrapper) -> Any:
        cursor = connection.cursor()
        return sqlite.PatientCursor(cursor) if sqlite.is_in_memory(connection) else cursor

    def _unavailable(self, error: Exception) -> StorageUnavailable:
        connection = connections[self.using]
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        return StorageUnavailable(_explain(error, self.using))


class Transaction:
    """What a function inside alone() works with."""

    __slots__ = ("began_at", "connection", "cursor", "first", "locked")

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        cursor: Any,
        began_at: int | None = None,
        *,
        locked: bool = False,
    ) -> None:
        self.connection = connection
        self.cursor = cursor
        #: nobody else can write before it ends
        self.locked = locked
        #: the revision with which the caller's transaction began before us
        self.began_at = began_at
        self.first = began_at

    def takes(self, revision: int) -> int:
        """A revision was taken: announce it. Returns the first one of the transaction."""
        if self.first is None:
            self.first = revision
        return self.first


class Announcement:
    """Runs when a transaction has been committed, and remembers where it began."""

    def __init__(self, announce: Callable[[], None], namespace: str, first: int) -> None:
        self.announce = announce
        self.namespace = namespace
        self.first = first

    def __call__(self) -> None:
        self.announce()


#: databases that storages are on
_used: set[str] = set()
#: what the parent had opened before a fork; closing it here would end the parent's
_inherited: list[Any] = []


@call_in_child
def _leave_to_parent() -> None:
    """After a fork: open our own connections and pools, and keep the parent's from being closed.

    At once, not at their first use: that may come inside atomic(), or in another thread.
    """
    for using in _used.intersection(connections):
        connection = connections[using]
        if sqlite.is_in_memory(connection):
            continue
        # A pool is of the process; its threads are gone here.
        pools = getattr(connection, "_connection_pools", {})
        _inherited.append((connection, pools.pop(using, None)))
        del connections[using]


@contextmanager
def _begin(connection: BaseDatabaseWrapper) -> Iterator[Any]:
    with transaction.atomic(connection.alias), connection.cursor() as cursor:
        yield cursor


@contextmanager
def _begin_soon(connection: BaseDatabaseWrapper) -> Iterator[Any]:
    """A transaction that waits for nobody's lock longer than BRIEFLY."""
    if connection.vendor == "sqlite":
        with sqlite.busy_timeout(connection, BRIEFLY), sqlite.begin(connection) as cursor:
            yield cursor
        return
    with _begin(connection) as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{BRIEFLY * 1000:.0f}"])
        yield cursor


def _may_try_again(connection: BaseDatabaseWrapper, error: DatabaseError) -> bool:
    if connection.vendor == "sqlite":
        return "locked" in str(error)
    return getattr(error.__cause__, "sqlstate", None) in _TRY_AGAIN


def _explain(error: Exception, using: str) -> str:
    text = str(error).strip() or type(error).__name__
    # An undefined table, or function.
    undefined = getattr(error.__cause__, "sqlstate", None) in ("42P01", "42883")
    if undefined or "no such table" in text:
        text += " (has `manage.py migrate` been run on it?)"
    return f"the database {using!r}: {text}"
