"""Rows in PostgreSQL: the tables of DatabaseStorage, made for many writers and many processes.

One line of the settings apart from DatabaseStorage, and both may be at work on the same rows.
A write is one round trip, by the functions of migrations 0002 and 0003; many at once share one
(``group_commit.py``), other processes hear of it by NOTIFY (``listener.py``), and statements go
straight to psycopg (``connection.py``, ``pipeline.py``).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any, ClassVar

from asgiref.sync import AsyncToSync
from django.db.backends.base.base import BaseDatabaseWrapper

from ...actor import current_actor
from ...exceptions import StorageError, StorageUnavailable
from ...keys import check_key, check_revision, check_value
from ...types import Change, Changes, Check, Delete, Operation, Write
from ...watch import Waiter
from ...watch.channel_layer import courier
from ..commit import check_condition, check_operations
from ..database import sql
from ..database.connection import Transaction
from ..database.sql import Statement
from ..database.storage import DatabaseStorage
from . import statements as pg_statements
from .connection import PostgreSQLDatabase
from .group_commit import AsyncTicket, GroupCommit, ThreadTicket, Ticket
from .listener import NotifyWaiter, channel_of, hub_of
from .writer import PostgreSQLWriter


class PostgreSQLStorage(DatabaseStorage):
    """Entries and changes as rows of the app's models, on PostgreSQL by psycopg 3."""

    prepares_statements: ClassVar[bool] = True

    _database: PostgreSQLDatabase
    _writer: PostgreSQLWriter

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if self._database.vendor != "postgresql":
            raise self._misconfigured(f"DATABASES[{self.using!r}] is on {self._database.vendor}")
        self._group = GroupCommit(self._commit_together, self.release, self.alias)
        self._channel = channel_of(self.namespace)
        #: what carries wake-ups from and to other processes
        self.hub = hub_of(self.using)
        # The newest revision that this process has written: what a notification says.
        self._newest = 0
        # The place in the log of the last change by a put.
        self._place = 0
        # Up to which revision the state has counted the log, when last heard of.
        self._counted = 0

    def _make_database(self) -> PostgreSQLDatabase:
        return PostgreSQLDatabase(self.using, self.namespace, self._announce)

    # Writing

    def _put(self, key: str, data: bytes, actor: str) -> int:
        write = Write(key, data)
        connection = self._begin_alone()
        if connection is None:
            ticket = ThreadTicket((write,), actor, brief=True)
            return int(self._commit_with_others(ticket)[0][1])
        try:
            return self._put_now(connection, write, actor)
        finally:
            self._group.end_alone()

    async def awrite(self, key: str, data: bytes, *, if_revision: int | None = None) -> int:
        """See write(). Without a thread for each call, they are committed together."""
        if _in_a_thread_that_waits():
            return await self._async(self.write, key, data, if_revision=if_revision)
        check_key(key)
        if if_revision is not None:
            check_revision(if_revision, "if_revision")
        write = Write(key, check_value(data, self.max_value_size), if_revision)
        ticket = AsyncTicket((write,), current_actor(), brief=if_revision is None)
        return int((await self._submit(ticket))[0][1])

    async def atransact(self, operations: Iterable[Operation]) -> Changes:
        """See transact()."""
        operations = check_operations(operations, self.max_value_size)
        if _in_a_thread_that_waits() or not _changing(operations):
            return await self._async(self.transact, operations)
        ticket = AsyncTicket(operations, current_actor())
        return _changes(ticket, await self._submit(ticket))

    async def adelete(self, key: str, *, if_revision: int | None = None) -> int:
        """See delete()."""
        return (await self.atransact((Delete(key, if_revision),)))[0].revision

    async def acommit(self, operations: Iterable[Operation]) -> int:
        """See commit()."""
        changes = await self.atransact(operations)
        return changes[-1].revision if changes else await self.arevision()

    def _apply(self, operations: Sequence[Operation], actor: str) -> Changes:
        if not _changing(operations):
            return super()._apply(operations, actor)
        ticket = ThreadTicket(operations, actor)
        return _changes(ticket, self._commit(ticket))

    def _commit(self, ticket: ThreadTicket) -> list[Any]:
        """By ourselves when nobody else is at it, else with the others; the rows of the commit."""
        connection = self._begin_alone()
        if connection is None:
            return self._commit_with_others(ticket)
        try:
            self._commit_now(connection, [ticket])
        finally:
            self._group.end_alone()
        return ticket.result()

    def _begin_alone(self) -> BaseDatabaseWrapper | None:
        """The connection on which we may commit by ourselves, until _group.end_alone()."""
        connection = self._database.free_connection()
        if connection is None or not self._group.begin_alone(connection.connection is not None):
            return None
        return connection

    def _commit_with_others(self, ticket: ThreadTicket) -> list[Any]:
        if self._database.free_connection() is None:
            # The caller's transaction: no other thread could write in it.
            return self._commit_inside(ticket)
        self._group.submit(ticket)
        return ticket.wait()

    async def _submit(self, ticket: AsyncTicket) -> list[Any]:
        self._group.submit(ticket)
        await ticket.future
        return ticket.result()

    def _commit_together(self, tickets: Sequence[Ticket]) -> None:
        """Give each its rows or its error; what GroupCommit calls."""
        try:
            self._commit_now(self._database.connection_for_others(), tickets)
        except StorageUnavailable as error:
            for ticket in tickets:
                # Each its own: it gets the traceback of whoever raises it.
                ticket.error = StorageUnavailable(*error.args)
                ticket.error.__cause__ = error.__cause__
        except Exception as error:
            for ticket in tickets:
                ticket.error = error

    def _commit_now(self, connection: BaseDatabaseWrapper, tickets: Sequence[Ticket]) -> None:
        """As one transaction of the database, in one round trip."""
        first = tickets[0]
        if first.brief and len(tickets) == 1:
            (write,) = first.operations
            assert isinstance(write, Write)
            first.rows = [(1, self._put_now(connection, write, first.actor))]
        elif self._distribute(
            tickets, self._database.commit(connection, *self._statement(tickets, None))
        ):
            self._announce()

    def _put_now(self, connection: BaseDatabaseWrapper, write: Write, actor: str) -> int:
        """What nearly all writes are, in less time than the commit of anything."""
        limits = self._writer.limits_if_due(self._newest - self._counted, 1, len(write.data))
        parameters = pg_statements.put_parameters(
            self.namespace, self._writer.lock_key, self._place, write, actor, limits
        )
        # Where LISTEN works, no pooler stands between that lends the session to others.
        prepare = bool(self.hub.works)
        self._place = place = self._database.put(connection, parameters, prepare)
        self._newest = revision = sql.revision_at(place)
        if limits is not None:
            # Or a little less, if another has counted just before; it is only the next reminder.
            self._counted = revision
        self._announce()
        return revision

    def _commit_inside(self, ticket: Ticket) -> list[Any]:
        """In the caller's transaction, or through Django where somebody listens to the queries."""

        def commit(ours: Transaction) -> None:
            ours.cursor.execute(*self._statement((ticket,), ours.began_at))
            rows = ours.cursor.fetchall()
            if self._distribute((ticket,), rows):
                ours.takes(rows[0][1])

        self._database.alone(commit, conditional=False)
        return ticket.result()

    def _statement(self, tickets: Sequence[Ticket], began_at: int | None) -> Statement:
        writer, requests = self._writer, [(ticket.operations, ticket.actor) for ticket in tickets]
        changes = sum(len(ticket.operations) for ticket in tickets)
        size = sum(ticket.size for ticket in tickets)
        limits = writer.limits_if_due(self._newest - self._counted, changes, size)
        return pg_statements.commit(self.namespace, writer.lock_key, began_at, requests, limits)

    def _distribute(self, tickets: Sequence[Ticket], rows: list[Any]) -> bool:
        """Part the rows of the commit, which come in order. Whether anything was written."""
        start = end = first = 0
        for ticket in tickets:
            end += len(ticket.operations)
            stop = first
            while stop < len(rows) and rows[stop][0] <= end:
                stop += 1
            ticket.rows = rows[first:stop]
            if not rows[first][1]:
                ticket.error = _refusal(
                    ticket.operations, rows[first][0] - 1 - start, rows[first][2]
                )
            start, first = end, stop
        newest = max(row[1] for row in rows)
        if newest:
            # Not the higher of the two: a store that was set back counts anew.
            self._newest, self._counted = newest, rows[-1][5]
        return newest > 0

    def new_epoch(self) -> str:
        """See BaseStorage.new_epoch()."""
        epoch = super().new_epoch()
        self._announce()
        return epoch

    # Wake-ups

    def waiter(self, wake: threading.Event) -> Waiter:
        """See Log.waiter()."""
        # In the tail's thread: what it reads must go on where it was, see Tail.doubt().
        self._database.never_reconnect_silently()
        return NotifyWaiter(self.hub, self._channel, wake, super().waiter(wake), self._let_go)

    def _announce(self) -> None:
        """Changes were committed: wake the tails, here and elsewhere."""
        self.tail.wake()
        self.hub.notify(self._channel, self._newest)
        if not self.hub.works:
            courier.send(self.channel_group)

    def close(self) -> None:
        """See BaseStorage.close()."""
        self._group.close()
        super().close()
        self.hub.close_if_unused()


def _changing(operations: Sequence[Operation]) -> bool:
    return any(not isinstance(operation, Check) for operation in operations)


def _refusal(operations: Sequence[Operation], index: int, current: int) -> StorageError:
    try:
        check_condition(operations[index], current)
    except StorageError as error:
        error.index = index
        return error
    raise AssertionError(f"{operations[index]!r} was refused at revision {current}")


def _changes(ticket: Ticket, rows: list[Any]) -> Changes:
    changing = [o for o in ticket.operations if not isinstance(o, Check)]
    return [
        Change(
            type="write" if isinstance(operation, Write) else "delete",
            key=operation.key,
            value=operation.data if isinstance(operation, Write) else None,
            revision=revision,
            previous_revision=previous,
            at=at.astimezone(UTC),
            actor=ticket.actor,
            last=operation is changing[-1],
            created_revision=created,
        )
        for operation, (_, revision, previous, created, at, _) in zip(changing, rows, strict=True)
    ]


def _in_a_thread_that_waits() -> bool:
    """Whether a thread waits in async_to_sync() for us, and may be in a transaction.

    Then it is to be joined, by that thread, which sync_to_async() finds.
    """
    return getattr(AsyncToSync.executors, "current", None) is not None
