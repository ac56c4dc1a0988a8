"""Statements straight to psycopg, where nothing of Django's is in use on the connection.

Django's cursors cost as much as a short statement does, and by default they bind on the client,
so that nothing can be prepared. Inside atomic(), with autocommit off, and where somebody listens
to the queries (DEBUG, ``execute_wrapper()``), Django's cursors are used all the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseError, InterfaceError
from psycopg import Cursor
from psycopg.pq import Format

from ..database.connection import PATIENCE, Database
from . import statements as pg_statements
from .pipeline import Line

_BROKEN = (DatabaseError, InterfaceError)

# Text in the binary format too: it would end at a NUL otherwise, and not be refused.
_PUT_FORMATS = (
    Format.BINARY, Format.TEXT, Format.TEXT, Format.BINARY, Format.BINARY, Format.BINARY,
    Format.TEXT,
)  # fmt: skip

T = TypeVar("T")
Parameters = Sequence[Any]


class PostgreSQLDatabase(Database):
    """One of settings.DATABASES, on psycopg 3."""

    def __init__(self, using: str, namespace: str, announce: Callable[[], None]) -> None:
        super().__init__(using, namespace, announce)
        self._thread = threading.local()

    def never_reconnect_silently(self) -> None:
        """In this thread, a lost connection is an error also where reading again would do."""
        self._thread.is_strict = True

    def connection_for_others(self) -> BaseDatabaseWrapper:
        """This thread's, which is not of the pool: who has those waits for us."""
        connection = connections[self.using]
        options = connection.settings_dict["OPTIONS"]
        if "pool" in options or not connection.settings_dict["AUTOCOMMIT"]:
            options = {name: value for name, value in options.items() if name != "pool"}
            connection.settings_dict = {
                **connection.settings_dict, "OPTIONS": options, "AUTOCOMMIT": True
            }  # fmt: skip
        return connection

    def row(self, statement: str, parameters: Parameters) -> Any:
        """See Database.row()."""
        return self._read(statement, parameters, Cursor.fetchone, super().row)

    def rows(self, statement: str, parameters: Parameters) -> list[Any]:
        """See Database.rows()."""
        return self._read(statement, parameters, Cursor.fetchall, super().rows)

    def commit(
        self, connection: BaseDatabaseWrapper, statement: str, parameters: Parameters
    ) -> list[Any]:
        """Run a statement that writes, in one round trip: a transaction of its own.

        It is tried again where PostgreSQL says that nothing was done. Never when the connection
        was lost after it was sent: nobody knows then whether it was committed.
        """

        def attempt(connection: BaseDatabaseWrapper) -> list[Any]:
            return self._execute(connection, statement, parameters, Cursor.fetchall)

        return self._once(connection, attempt)

    def put(
        self,
        connection: BaseDatabaseWrapper,
        parameters: Sequence[bytes | None],
        prepare: bool,
    ) -> int:
        """The same for pg_statements.PUT, with what free_connection() gave; see Line.call()."""

        def attempt(connection: BaseDatabaseWrapper) -> int:
            line = self._line(connection)
            with connection.wrap_database_errors:
                place = line.call(pg_statements.PUT, parameters, _PUT_FORMATS, prepare)
            return int.from_bytes(place, "big")

        return self._once(connection, attempt)

    def _once(
        self, connection: BaseDatabaseWrapper, attempt: Callable[[BaseDatabaseWrapper], T]
    ) -> T:
        try:
            self._reconnect_if_hung_up(connection)
            return self._patiently(connection, lambda: attempt(connection), PATIENCE)
        except _BROKEN as error:
            raise self._unavailable(error) from error

    def free_connection(self) -> BaseDatabaseWrapper | None:
        """None where a write must join: a transaction is open, or somebody listens."""
        connection = self._connection()
        if connection.connection is None:
            free = connection.settings_dict["AUTOCOMMIT"] and _is_unobserved(connection)
        else:
            free = _is_free(connection)
        return connection if free else None

    def _read(
        self,
        statement: str,
        parameters: Parameters,
        fetch: Callable[[Any], T],
        by_django: Callable[[str, Parameters], T],
    ) -> T:
        try:
            connection = self._connection()
            if not connection.in_atomic_block:
                connection.close_if_health_check_failed()
                connection.ensure_connection()
            if _is_free(connection):
                return self._twice(
                    connection, lambda: self._execute(connection, statement, parameters, fetch)
                )
        except _BROKEN as error:
            raise self._unavailable(error) from error
        return by_django(statement, parameters)

    def _execute(
        self,
        connection: BaseDatabaseWrapper,
        statement: str,
        parameters: Parameters,
        fetch: Callable[[Any], T],
    ) -> T:
        with connection.wrap_database_errors:
            cursor = self._line(connection).cursor
            cursor.execute(statement, parameters)
            return fetch(cursor)

    def _twice(self, connection: BaseDatabaseWrapper, read: Callable[[], T]) -> T:
        """Read again on a new connection, when this one turns out to be lost."""
        try:
            return read()
        except _BROKEN:
            if connection.connection is None or not connection.connection.closed:
                raise
            if getattr(self._thread, "is_strict", False):
                raise
        connection.close()
        self._reconnect_if_hung_up(connection)
        return read()

    def _reconnect_if_hung_up(self, connection: BaseDatabaseWrapper) -> None:
        """Leave one that the server has ended while it lay idle, before a write is sent on it."""
        if connection.connection is None:
            connection.ensure_connection()
        while self._line(connection).may_be_lost() and not connection.is_usable():
            # A pool may have many of them; it connects anew when none is left.
            connection.close()
            connection.ensure_connection()

    def _line(self, connection: BaseDatabaseWrapper) -> Line:
        line: Line | None = getattr(self._thread, "line", None)
        if line is None or line.driver is not connection.connection:
            line = self._thread.line = Line(connection.connection)
        return line


def _is_free(connection: BaseDatabaseWrapper) -> bool:
    return connection.autocommit and _is_unobserved(connection)


def _is_unobserved(connection: BaseDatabaseWrapper) -> bool:
    return (
        not connection.in_atomic_block
        and not connection.execute_wrappers
        and not connection.queries_logged
    )
