"""Rows in the project's own database: SQLite, PostgreSQL.

A write takes the writers' lock of its namespace together with the next revision, puts the
entry and appends the change, all in one transaction: the caller's, when there is one. The
lock is what makes the log trustworthy. A revision from a sequence is not held to the commit,
so that a lower one may appear behind a reader that has passed it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any, ClassVar

from django.db import DEFAULT_DB_ALIAS, connections

from ...exceptions import KeyNotFound, StorageUnavailable
from ...keys import check_key
from ...types import Change, Changes, Check, Entry, Keys, Operation, Snapshot
from ...watch import Batch, LogState, Page, Selector, Waiter
from ...watch.channel_layer import courier
from ...watch.log import PAGE_BYTES, PAGE_CHANGES
from ..commit import Standing, check_conditions
from ..logged import LoggedStorage
from ..postgresql import statements as pg_statements
from ..postgresql.writer import PostgreSQLWriter
from . import rows, sql, sqlite
from .connection import BRIEFLY, Database, Transaction
from .polling import PollingWaiter
from .writer import Writer, random_epoch


class DatabaseStorage(LoggedStorage):
    """Entries and changes as rows of the app's models, on the database ``using``.

    Several aliases may share a database under different namespaces.
    """

    # Whether its statements are prepared where the connection allows it.
    prepares_statements: ClassVar[bool] = False

    def __init__(
        self,
        *,
        using: str = DEFAULT_DB_ALIAS,
        namespace: str = "agent-master",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if using not in connections:
            raise self._misconfigured(f"using: DATABASES has no alias {using!r}")
        if not isinstance(namespace, str) or not 1 <= len(namespace) <= 64:
            raise self._misconfigured("namespace must be a str of 1 to 64 characters")
        self.using = using
        self.namespace = namespace
        self._database = self._make_database()
        on_postgresql = self._database.vendor == "postgresql"
        # Where scan() and log_sizes() come from.
        self._statements: Any = pg_statements if on_postgresql else sql
        # On PostgreSQL both adapters must take the same lock.
        self._writer = (PostgreSQLWriter if on_postgresql else Writer)(namespace, limits=self)

    def _make_database(self) -> Database:
        return Database(self.using, self.namespace, self._announce)

    # Reading

    def read(self, key: str) -> bytes:
        """See BaseStorage.read()."""
        row = self._database.row(sql.READ, (self.namespace, check_key(key)))
        if row is None:
            raise KeyNotFound(key)
        return bytes(row[0])

    def _get(self, key: str) -> Entry | None:
        row = self._database.row(sql.GET, (self.namespace, key))
        return self._entry(row) if row else None

    def _keys(self, prefix: str) -> Keys:
        return [row[0] for row in self._database.rows(*sql.keys(self.namespace, prefix))]

    def _scan(self, prefix: str, after: str, limit: int | None, values: bool) -> Snapshot:
        statement = self._statements.scan(self.namespace, prefix, after, limit, values)
        state, found = self._with_state(*statement)
        entries = [self._entry(row) for row in found]
        return Snapshot(revision=state.revision, epoch=state.epoch, entries=entries)

    def _sizes(self, prefix: str, after: str, limit: int) -> Sequence[int]:
        return [
            row[0] for row in self._database.rows(*sql.sizes(self.namespace, prefix, after, limit))
        ]

    def _around(self, key: str, revision: int) -> tuple[Change | None, Change | None]:
        before = self._database.row(sql.BEFORE, [*sql.span(self.namespace, 0, revision), key])
        after = self._database.row(sql.AFTER, [*sql.span(self.namespace, revision), key])
        return before and self._change(before), after and self._change(after)

    def _state(self) -> LogState:
        row = self._database.row(sql.GET_STATE, (self.namespace,))
        return LogState(*row) if row else self._make_state()

    def _make_state(self) -> LogState:
        """The first look at an empty store: its epoch begins.

        Whoever only looks does not wait for one who writes there first, for as long as it takes.
        """
        while True:
            failure = None
            try:
                self._database.alone(self._writer.make_state, patience=BRIEFLY)
            except StorageUnavailable as error:
                failure = error
            # After a failure too: who kept us from it writes, and so may have made it.
            row = self._database.row(sql.GET_STATE, (self.namespace,))
            if row is not None:
                return LogState(*row)
            if failure is not None:
                raise failure

    def _with_state(
        self, statement: str, parameters: Sequence[object]
    ) -> tuple[LogState, Sequence[Any]]:
        """Run a statement that selects the state before its rows, and part the two."""
        found = self._database.rows(statement, parameters)
        while not found:
            # Not its result: others may have written since the statement.
            self._make_state()
            found = self._database.rows(statement, parameters)
        return LogState(*found[0][:3]), [row[3:] for row in found if row[3] is not None]

    def log_state(self) -> LogState:
        """See Log.log_state()."""
        state = self._state()
        first = self._database.first_revision()
        if first is None:
            return state
        # We hold the lock, so that nobody else has committed since our first revision.
        return LogState(first - 1, state.compacted, state.epoch)

    # Writing

    def _put(self, key: str, data: bytes, actor: str) -> int:
        return self._database.alone(
            lambda ours: self._writer.put(ours, key, data, actor), conditional=False
        )

    def _apply(self, operations: Sequence[Operation], actor: str) -> Changes:
        changing = [operation for operation in operations if not isinstance(operation, Check)]
        if not changing:
            check_conditions(operations, self._standing_of(operations) if operations else {})
            return []
        return self._database.alone(
            lambda ours: self._writer.commit(ours, operations, changing, actor)
        )

    def _standing_of(self, operations: Sequence[Operation]) -> Standing:
        found = self._database.rows(*sql.standing(self.namespace, [o.key for o in operations]))
        return {key: (revision, created) for key, revision, created in found}

    # The log

    def _compact(self, revision: int) -> None:
        if revision > self._state().compacted:
            self._database.alone(lambda ours: self._writer.compact(ours, revision))

    def _renew(self, epoch: str | None) -> LogState:
        def renew(ours: Transaction) -> None:
            if epoch is None:
                ours.cursor.execute(sql.NEW_EPOCH, (random_epoch(), self.namespace))
            else:
                # Unless another process has begun one meanwhile.
                ours.cursor.execute(
                    sql.NEW_EPOCH + sql.IN_EPOCH, (random_epoch(), self.namespace, epoch)
                )

        self._state()
        self._database.alone(renew)
        return self._state()

    def read_log(
        self,
        since: int,
        selector: Selector,
        *,
        limit: int = PAGE_CHANGES,
        whole: bool = True,
    ) -> Page:
        """See Log.read_log()."""
        statement = self._statements.log_sizes(self.namespace, since, selector, limit + 1)
        state, sizes = self._with_state(*statement)
        state.check(since)
        if not sizes:
            return Page([], state.revision, state)
        through = self._cut(sizes, limit, whole, since) or state.revision
        found = self._database.rows(*sql.log_rows(self.namespace, since, through, selector))
        if len(found) < sum(1 for row in sizes if row[0] <= through):
            # Some were compacted between the two statements.
            self._state().check(since)
        return Page(self._batches(found), through, state)

    def last_of(self, revision: int) -> Change | None:
        """See Log.last_of(). Idle processes ask it once a second, whatever the value's size."""
        row = self._database.row(sql.LAST_OF, sql.span(self.namespace, revision - 1, revision))
        # After the look: what was compacted between the two is not taken for missing.
        self._state().check(revision - 1)
        return row and self._change(row)

    def _cut(self, sizes: Sequence[Any], limit: int, whole: bool, since: int) -> int | None:
        """The revision at which a page must end; None: it holds all that there is."""
        group = 1 if whole else 0
        end, total = None, 0
        for row, following in pairwise(sizes):
            total += row[2]
            if row[group] != following[group]:
                end = row[0]
                if total >= PAGE_BYTES:
                    return int(end)
        if len(sizes) <= limit:
            return None
        if end is None and whole:
            row = self._database.row(
                sql.TRANSACTION_END, [*sql.span(self.namespace, since), sizes[0][1]]
            )
            end = row and row[0]
        return int(end or sizes[0][0])

    def _batches(self, selected: Sequence[Any]) -> list[Batch]:
        return [
            Batch(map(self._change, members))
            for _, members in groupby(selected, lambda row: row[1])
        ]

    def waiter(self, wake: threading.Event) -> Waiter:
        """See Log.waiter()."""
        connection = connections[self.using]
        if connection.vendor == "sqlite":
            return sqlite.DataVersionWaiter(connection, wake)
        return PollingWaiter(self.channel_group, wake, self._let_go, lambda: self.tail.revision)

    def _let_go(self) -> None:
        """release() while the tail waits: behind the next connection may be another server."""
        self.release()
        self.tail.doubt()

    def release(self) -> None:
        """See Log.release()."""
        self._database.release()

    @property
    def readers_block(self) -> bool:
        """See Log.readers_block: connections to one SQLite in memory lock each other's tables.

        Inside the caller's transaction they wait for it: waiting for them would help nobody.
        """
        connection = connections[self.using]
        return sqlite.is_in_memory(connection) and not connection.in_atomic_block

    @property
    def channel_group(self) -> str:
        """The group of the Channels layer that carries this store's wake-ups."""
        return f"agent-master-storage.{self.namespace.encode().hex()[:64]}"

    def _entry(self, row: Sequence[Any]) -> Entry:
        return rows.entry(connections[self.using], row)

    def _change(self, row: Sequence[Any]) -> Change:
        return rows.change(connections[self.using], row)

    def _announce(self) -> None:
        """Changes were committed: wake the tails, here and elsewhere."""
        self.tail.wake()
        if self._database.vendor != "sqlite":
            courier.send(self.channel_group)
