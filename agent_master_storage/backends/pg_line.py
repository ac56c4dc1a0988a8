"""One connection of psycopg, and what is used on it again and again."""

from __future__ import annotations

import select
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any

from psycopg import Cursor, errors, generators
from psycopg.pq import ExecStatus, Format

_WELL = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


class Line:
    """A connection of psycopg."""

    __slots__ = ("_names", "_poll", "cursor", "driver")

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        # A new one each time would find out anew how to send and read each type, which costs a
        # third of a short statement. It holds its last result until the next.
        self.cursor: Cursor[Any] = Cursor(driver)
        self.cursor.format = Format.BINARY
        self._names: dict[bytes, bytes] = {}
        self._poll = select.poll()
        if not driver.closed:
            self._poll.register(driver.pgconn.socket, select.POLLIN)

    def may_be_lost(self) -> bool:
        """Nothing is to be read from an idle connection, so that looking costs no round trip."""
        return self.driver.closed or bool(self._poll.poll(0))

    def call(
        self, statement: bytes, parameters: Sequence[bytes | None], formats: Sequence[Format]
    ) -> bytes:
        """The only field of the only row that ``statement`` gives; prepared where that is wanted.

        Without a cursor, which takes longer over a write than all else that is done here.
        Parameters are ``$1`` and so on, the answer is in PostgreSQL's binary format.
        """
        pgconn = self.driver.pgconn
        name = self._names.get(statement)
        try:
            with self.driver.lock:
                if self.driver.prepare_threshold is None:
                    pgconn.send_query_params(statement, parameters, None, formats, Format.BINARY)
                else:
                    prepared = name or self._prepare(statement)
                    pgconn.send_query_prepared(prepared, parameters, formats, Format.BINARY)
                found: bytes = self._result().get_value(0, 0)
                return found
        except errors.InvalidSqlStatementName:
            if name is None:
                raise
            # Forgotten by DEALLOCATE ALL, which psycopg says after a rollback. Nothing ran.
            del self._names[statement]
            return self.call(statement, parameters, formats)

    def _prepare(self, statement: bytes) -> bytes:
        name = self._names[statement] = b"ams_" + sha256(statement).hexdigest()[:16].encode()
        # Another thread may have done so, to which a pool had lent the connection.
        with suppress(errors.DuplicatePreparedStatement):
            self.driver.pgconn.send_prepare(name, statement)
            self._result()
        return name

    def _result(self) -> Any:
        """What comes of what was sent, or its error."""
        result = self.driver.wait(generators.execute(self.driver.pgconn))[-1]
        if result.status not in _WELL:
            raise errors.error_from_result(result, self.driver.info.encoding)
        return result
