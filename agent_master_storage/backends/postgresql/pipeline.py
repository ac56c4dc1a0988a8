"""One connection of psycopg, and what is used on it again and again."""

from __future__ import annotations

import select
from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

from psycopg import Cursor, errors, generators
from psycopg.pq import ExecStatus, Format, TransactionStatus

#: of each connection, how often call() has run a statement there; storages and threads may share it
_uses: WeakKeyDictionary[Any, dict[bytes, int]] = WeakKeyDictionary()


class Line:
    """A connection of psycopg."""

    __slots__ = ("_poll", "cursor", "driver")

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        # A new one each time would find out anew how to send and read each type, which costs a
        # third of a short statement. It holds its last result until the next.
        self.cursor: Cursor[Any] = Cursor(driver)
        self.cursor.format = Format.BINARY
        self._poll = select.poll()
        if not driver.closed:
            self._poll.register(driver.pgconn.socket, select.POLLIN)

    def may_be_lost(self) -> bool:
        """Nothing is to be read from an idle connection, so that looking costs no round trip."""
        return self.driver.closed or bool(self._poll.poll(0))

    def call(
        self,
        statement: bytes,
        parameters: Sequence[bytes | None],
        formats: Sequence[Format],
        prepare: bool,
    ) -> bytes:
        """The only field of the only row that ``statement`` gives, in PostgreSQL's binary format.

        Without a cursor, which takes longer over a write than all else that is done here.
        Parameters are ``$1`` and so on. ``prepare``: once it was run more often than psycopg's
        ``prepare_threshold``, unless that is None. Not to be asked for behind a pooler, which
        knows of the names of psycopg at most.
        """
        uses = _uses.setdefault(self.driver, {})
        count = uses[statement] = uses.get(statement, 0) + 1
        threshold = self.driver.prepare_threshold
        name = b"ams_" + sha256(statement).hexdigest()[:16].encode()
        pgconn = self.driver.pgconn
        with self.driver.lock:
            if not prepare or threshold is None or count <= threshold:
                pgconn.send_query_params(statement, parameters, None, formats, Format.BINARY)
                return self._field()
            if count == threshold + 1:
                pgconn.send_prepare(name, statement)
                self._result()
            pgconn.send_query_prepared(name, parameters, formats, Format.BINARY)
            try:
                return self._field()
            except errors.InvalidSqlStatementName:
                # Forgotten by DEALLOCATE ALL, which psycopg says after a rollback. Nothing ran.
                uses[statement] = 0
                pgconn.send_query_params(statement, parameters, None, formats, Format.BINARY)
                return self._field()

    def _field(self) -> bytes:
        found: bytes = self._result().get_value(0, 0)
        return found

    def _result(self) -> Any:
        """What comes of what was sent, or its error."""
        pgconn = self.driver.pgconn
        try:
            result = self.driver.wait(generators.execute(pgconn))[-1]
        except BaseException:
            # Such as a time limit of a task: nobody will fetch the answer.
            if pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.driver.close()
            raise
        if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            raise errors.error_from_result(result, self.driver.info.encoding)
        return result
