"""What is particular about SQLite: its one writer, its journal, and how to notice a commit."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from types import TracebackType
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseError, OperationalError

from ...forks import gate

logger = logging.getLogger("agent_master_storage.watch")

#: seconds between two looks at the file's version: half of it is the delay of a wake-up
POLL_INTERVAL = 0.02
#: the same after IDLE_LOOKS in vain, so that an idle process stays far below 1 % of a core
IDLE_INTERVAL = 0.03
IDLE_LOOKS = 500

#: seconds that a statement waits for a table in memory; a test's transaction may hold it long
PATIENCE_IN_MEMORY = 5.0

#: when to look again whether a file is in WAL mode; never for those that are
_prepared: dict[str, float] = {}
#: seconds after which to try again to put a file into WAL mode that was in use
PREPARE_INTERVAL = 60.0


def is_in_memory(connection: BaseDatabaseWrapper) -> bool:
    check = getattr(connection, "is_in_memory_db", None)
    return connection.vendor == "sqlite" and check is not None and bool(check())


def prepare(connection: BaseDatabaseWrapper) -> None:
    """Put the file into WAL mode, where readers and the writer do not block each other.

    The mode stays with the file. A project that sets a journal mode in its OPTIONS keeps it.
    """
    name = str(connection.settings_dict["NAME"])
    again = _prepared.get(name, 0)
    if again == math.inf or time.monotonic() < again or is_in_memory(connection):
        return
    _prepared[name] = math.inf
    if "journal_mode" in connection.settings_dict["OPTIONS"].get("init_command", ""):
        return
    try:
        with busy_timeout(connection, 0.1), connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode = WAL")
    except DatabaseError as error:
        _prepared[name] = time.monotonic() + PREPARE_INTERVAL
        logger.info("SQLite goes on without WAL: %s", error)


@contextmanager
def busy_timeout(connection: BaseDatabaseWrapper, seconds: float) -> Iterator[None]:
    """For a while, wait for a lock no longer than that."""
    connection.ensure_connection()
    driver: Any = connection.connection
    usual = driver.execute("PRAGMA busy_timeout").fetchone()[0]
    driver.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")
    try:
        yield
    finally:
        driver.execute(f"PRAGMA busy_timeout = {usual}")


class PatientCursor:
    """A cursor on a database in memory, as the tests of most projects have it.

    Its connections share a cache whose tables lock each other out, and the driver's timeout
    does not hold for that: an error comes at once, where a file would make one wait.
    """

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        return _patiently(lambda: self._cursor.execute(statement, parameters))

    def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> Any:
        return _patiently(lambda: self._cursor.executemany(statement, parameters))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def __enter__(self) -> PatientCursor:
        return self

    def __exit__(self, *error: object) -> None:
        self._cursor.close()


def _patiently(execute: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_IN_MEMORY
    while True:
        try:
            return execute()
        except OperationalError as error:
            name = getattr(error.__cause__, "sqlite_errorname", "")
            if name != "SQLITE_LOCKED_SHAREDCACHE" or time.monotonic() > deadline:
                raise
        time.sleep(0.001)


def begin(connection: BaseDatabaseWrapper) -> AbstractContextManager[Any]:
    """A transaction that takes the write lock at once, and its cursor.

    A deferred one that has read cannot always get the lock later, whatever it waits.
    """
    connection.ensure_connection()
    prepare(connection)
    if connection.execute_wrappers or connection.queries_logged:
        return _observed(connection)
    return _Bare(connection)


@contextmanager
def _observed(connection: Any) -> Iterator[Any]:
    """Through Django, because somebody listens to the queries."""
    mode = connection.transaction_mode
    connection.transaction_mode = "IMMEDIATE"
    try:
        with transaction.atomic(connection.alias), connection.cursor() as cursor:
            yield cursor
    finally:
        connection.transaction_mode = mode


class _Bare:
    """Straight to the driver: Django's atomic() and cursors cost as much as SQLite itself.

    It is its own cursor, and takes Django's placeholders. Nothing in it may refer back to it:
    the garbage collector would find the cursor in whatever thread it runs, and reset there the
    statement that this thread executes again at that moment.
    """

    __slots__ = ("_cursor", "_driver", "_errors", "fetchall", "fetchone")

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._errors = connection.wrap_database_errors
        self._driver: Any = connection.connection

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        self._cursor.execute(_qmarks(statement), parameters)

    def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
        self._cursor.executemany(_qmarks(statement), parameters)

    def __enter__(self) -> _Bare:
        try:
            self._cursor = self._driver.execute("BEGIN IMMEDIATE")
        except Exception:
            with self._errors:
                raise
        self.fetchone = self._cursor.fetchone
        self.fetchall = self._cursor.fetchall
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._driver.execute("COMMIT")
        except Exception:
            with self._errors:
                raise
        finally:
            self._cursor.close()
            if self._driver.in_transaction:
                self._driver.rollback()
        if kind is not None:
            # Turns the driver's error into Django's.
            self._errors.__exit__(kind, error, traceback)


@cache
def _qmarks(statement: str) -> str:
    return statement.replace("%s", "?")


class DataVersionWaiter:
    """Polls ``PRAGMA data_version``, which another connection's commit changes.

    It costs microseconds and reads no table. Watching the files would not do: the -wal file
    is written before the commit that it holds can be seen.
    """

    def __init__(self, connection: BaseDatabaseWrapper, wake: threading.Event) -> None:
        self._connection = connection
        self._wake = wake
        self._version: int | None = None

    def arm(self) -> None:
        """See Waiter.arm()."""
        self._connection.ensure_connection()
        # Straight to the driver: Django's cursor costs several times what the question does.
        self._driver: Any = self._connection.connection
        self._version = self._look()

    def wait(self) -> None:
        """See Waiter.wait()."""
        looks = 0
        while not self._wake.wait(POLL_INTERVAL if looks < IDLE_LOOKS else IDLE_INTERVAL):
            looks += 1
            with gate.inside():
                version = self._look()
            if version != self._version:
                return

    def close(self) -> None:
        """See Waiter.close()."""

    def _look(self) -> int:
        with self._connection.wrap_database_errors:
            version: int = self._driver.execute("PRAGMA data_version").fetchone()[0]
            return version
