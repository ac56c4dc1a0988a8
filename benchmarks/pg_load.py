"""Many writers at once on PostgreSQL, by the adapter and by bare psycopg.

``python -m benchmarks.pg_load KIND THREADS`` is a process of them: it writes as long as a line
on its input says, and answers with the number of its writes.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

ALIAS = "postgresql"
DATABASE = "prepared"
KEYS = [f"targets:agent-{number:04}:config" for number in range(1000)]
VALUE_SIZE = 256
UPSERT = (
    "INSERT INTO bare (key, value) VALUES (%s, %s)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)

_counter = itertools.count()


def key(number: int) -> str:
    # Not in order: neighbours share a page.
    return KEYS[number * 617 % len(KEYS)]


def value() -> bytes:
    """Another one each time, so that nothing can be skipped as unchanged."""
    return (b"%d " % next(_counter)).ljust(VALUE_SIZE, b".")


def connect() -> Any:
    """psycopg as it comes, in autocommit."""
    import psycopg
    from django.db import connections

    settings = connections[DATABASE].settings_dict
    return psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        dbname=settings["NAME"],
        autocommit=True,
    )


class Threads:
    """Writers in threads, which keep their connections from one round to the next."""

    def __init__(self, kind: str, count: int) -> None:
        self._write = {"adapter": _adapter, "bare": _bare}[kind]
        self._begin = threading.Barrier(count + 1)
        self._end = threading.Barrier(count + 1)
        self._until = 0.0
        self._counts = [0] * count
        for index in range(count):
            threading.Thread(target=self._run, args=(index,), daemon=True).start()

    def round(self, seconds: float) -> float:
        """Writes a second, of all together."""
        start = time.perf_counter()
        self._until = start + seconds
        self._begin.wait()
        self._end.wait()
        return sum(self._counts) / (time.perf_counter() - start)

    def _run(self, index: int) -> None:
        write = self._write()
        numbers = itertools.count(index * 61)
        while True:
            self._begin.wait()
            count = 0
            while time.perf_counter() < self._until:
                write(next(numbers))
                count += 1
            self._counts[index] = count
            self._end.wait()


def _adapter() -> Callable[[int], object]:
    from agent_master_storage import storages

    storage = storages[ALIAS]
    return lambda number: storage.write(key(number), value())


def _bare() -> Callable[[int], object]:
    driver = connect()
    return lambda number: driver.execute(UPSERT, (key(number), value()))


async def tasks(count: int, seconds: float) -> float:
    """Writes a second of so many tasks through ``awrite()``."""
    from agent_master_storage import storages

    storage = storages[ALIAS]
    start = time.perf_counter()

    async def run(index: int) -> int:
        written = 0
        while time.perf_counter() < start + seconds:
            await storage.awrite(key(index * 61 + written), value())
            written += 1
        return written

    counts = await asyncio.gather(*map(run, range(count)))
    return sum(counts) / (time.perf_counter() - start)


def main(kind: str, count: str) -> None:
    import django

    django.setup()
    threads = Threads(kind, int(count))
    threads.round(0.1)
    print("ready", flush=True)
    for line in sys.stdin:
        print(threads.round(float(line)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
