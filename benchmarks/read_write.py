"""Reading and writing one key: the adapter, Django's cursor, the bare driver.

Each write differs from the one before, so that no page can be skipped as unchanged, and is a
transaction of its own. The peers' table has a key and a value, nothing else.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections, transaction

from agent_master_storage import storages

from .figures import Goal, heading, interleaved, line, ratio
from .options import Options

KEYS = [f"targets:agent-{number:04}:config" for number in range(1000)]
VALUE_SIZE = 256

SELECT = "SELECT value FROM bare WHERE key = %s"
UPSERT = (
    "INSERT INTO bare (key, value) VALUES (%s, %s)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)

_counter = itertools.count()

Call = Callable[[int], object]


def run(options: Options) -> None:
    """Measure on each database."""
    for alias, bare, title in (
        ("default", "bare_full", "SQLite, WAL, synchronous FULL"),
        ("normal", "bare_normal", "SQLite, WAL, synchronous NORMAL"),
        ("postgres", "postgres", "PostgreSQL, synchronous_commit on"),
    ):
        heading(f"Read and write: {title}")
        goal = None if alias == "postgres" else Goal(bound=0.6)
        _fill(alias, bare)
        with _driver(bare) as driver:
            _report("read", _reads(alias, bare, driver), options.scaled(3000), options, goal)
            _report("write", _writes(alias, bare, driver), options.scaled(600), options, goal)


def _report(
    name: str, calls: dict[str, Call], count: int, options: Options, goal: Goal | None
) -> None:
    rates = interleaved(calls, count=count, rounds=options.rounds)
    ours = rates.pop("adapter")
    line(f"{name}: adapter", sorted(ours)[len(ours) // 2], "/s")
    for peer, theirs in rates.items():
        line(
            f"{name}: adapter to {peer}",
            ratio(ours, theirs),
            "x",
            goal if peer == "Django's cursor" else None,
        )


def _fill(alias: str, bare: str) -> None:
    blob = "bytea" if connections[bare].vendor == "postgresql" else "blob"
    with connections[bare].cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bare")
        cursor.execute(f"CREATE TABLE bare (key varchar(512) PRIMARY KEY, value {blob} NOT NULL)")
        cursor.executemany(UPSERT, [(key, _value()) for key in KEYS])
    with transaction.atomic(alias):
        for key in KEYS:
            storages[alias].write(key, _value())


def _value() -> bytes:
    return (b"%d " % next(_counter)).ljust(VALUE_SIZE, b".")


def _key(number: int) -> str:
    # Not in order: neighbours share a page.
    return KEYS[number * 617 % len(KEYS)]


def _reads(alias: str, bare: str, driver: Any) -> dict[str, Call]:
    storage, connection = storages[alias], connections[bare]
    select = _for_driver(SELECT, bare)

    def by_django(number: int) -> bytes:
        with connection.cursor() as cursor:
            cursor.execute(SELECT, (_key(number),))
            return bytes(cursor.fetchone()[0])

    return {
        "adapter": lambda number: storage.read(_key(number)),
        "Django's cursor": by_django,
        "bare driver": lambda number: bytes(driver.execute(select, (_key(number),)).fetchone()[0]),
    }


def _writes(alias: str, bare: str, driver: Any) -> dict[str, Call]:
    storage, connection = storages[alias], connections[bare]
    upsert = _for_driver(UPSERT, bare)

    def by_django(number: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(UPSERT, (_key(number), _value()))

    def atomically(number: int) -> None:
        with transaction.atomic(bare), connection.cursor() as cursor:
            cursor.execute(UPSERT, (_key(number), _value()))

    return {
        "adapter": lambda number: storage.write(_key(number), _value()),
        "Django's cursor": by_django,
        "Django's cursor in atomic()": atomically,
        "bare driver": lambda number: driver.execute(upsert, (_key(number), _value())),
    }


def _for_driver(statement: str, alias: str) -> str:
    return statement.replace("%s", "?") if connections[alias].vendor == "sqlite" else statement


@contextmanager
def _driver(alias: str) -> Iterator[Any]:
    """A connection of the driver's own, in autocommit, on the same database."""
    settings = connections[alias].settings_dict
    if connections[alias].vendor == "sqlite":
        driver: Any = sqlite3.connect(settings["NAME"], isolation_level=None)
        driver.executescript(settings["OPTIONS"]["init_command"])
    else:
        import psycopg

        driver = psycopg.connect(
            host=settings["HOST"],
            port=settings["PORT"],
            user=settings["USER"],
            password=settings["PASSWORD"],
            dbname=settings["NAME"],
            autocommit=True,
        )
    try:
        yield driver
    finally:
        driver.close()
