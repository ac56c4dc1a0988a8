"""What is particular about SQLite: its one writer, its journal, and how to notice a commit."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseError

logger = logging.getLogger("agent_master_storage.watch")

#: seconds between two looks at the file's version: half of it is the delay of a wake-up
POLL_INTERVAL = 0.02

#: the files that were put into WAL mode, or that would not
_prepared: set[str] = set()


def is_in_memory(connection: BaseDatabaseWrapper) -> bool:
    check = getattr(connection, "is_in_memory_db", None)
    return connection.vendor == "sqlite" and check is not None and bool(check())


def prepare(connection: BaseDatabaseWrapper) -> None:
    """Put the file into WAL mode, where readers and the writer do not block each other.

    The mode stays with the file. A project that sets a journal mode in its OPTIONS keeps it.
    """
    name = str(connection.settings_dict["NAME"])
    if name in _prepared or is_in_memory(connection):
        return
    _prepared.add(name)
    if "journal_mode" in connection.settings_dict["OPTIONS"].get("init_command", ""):
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode = WAL")
    except DatabaseError as error:
        logger.info("SQLite goes on without WAL: %s", error)


@contextmanager
def immediate(connection: Any) -> Iterator[None]:
    """Let the transaction that begins inside take the write lock at once.

    A deferred one that has read cannot always get it later, whatever it waits.
    """
    mode = connection.transaction_mode
    connection.transaction_mode = "IMMEDIATE"
    try:
        yield
    finally:
        connection.transaction_mode = mode


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
        self._version = self._look()

    def wait(self) -> None:
        """See Waiter.wait()."""
        while not self._wake.wait(POLL_INTERVAL):
            if self._look() != self._version:
                return

    def close(self) -> None:
        """See Waiter.close()."""

    def _look(self) -> int:
        with self._connection.cursor() as cursor:
            cursor.execute("PRAGMA data_version")
            version: int = cursor.fetchone()[0]
            return version
