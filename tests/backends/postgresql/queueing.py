"""Writers that wait for each other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agent_master_storage.backends.postgresql.session import connect
from agent_master_storage.testing import wait_for


class Held:
    """The writers' lock is held by somebody, so that writers queue."""

    def __init__(self, storage: Any) -> None:
        self._lock = storage._writer.lock_key

    def __enter__(self) -> Held:
        self._driver = connect("postgres")
        self._driver.execute("SELECT pg_advisory_lock(%s)", [self._lock])
        return self

    def waiters(self) -> int:
        """How many connections wait for the lock."""
        row: Any = self._driver.execute(
            "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        ).fetchone()
        return int(row[0])

    def __exit__(self, *error: object) -> None:
        self._driver.close()


def waiting(storage: Any) -> int:
    return int(storage._group._queue.qsize())


def in_threads(storage: Any, calls: list[Callable[[], Any]]) -> list[Any]:
    """What each call returned or raised; they queue behind one that waits for the lock."""

    def run(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:
            return error
        finally:
            storage.release()

    with ThreadPoolExecutor(len(calls) + 1) as pool:
        with Held(storage) as held:
            first = pool.submit(run, lambda: storage.write("first", b""))
            wait_for(lambda: held.waiters() == 1, "the first")
            # The thread takes the first of them alone, and waits for the lock too.
            futures = [pool.submit(run, calls[0])]
            wait_for(lambda: held.waiters() == 2, "the thread")
            for number, call in enumerate(calls[1:], 1):
                futures.append(pool.submit(run, call))
                wait_for(lambda number=number: waiting(storage) == number, "queueing")
        assert first.result() == 1
        return [future.result() for future in futures]


def at_once(storage: Any, count: int) -> list[Any]:
    """What so many writers got, or what was raised."""

    def run(number: int) -> Any:
        try:
            return storage.write(f"k{number}", b"")
        except Exception as error:
            return error
        finally:
            storage.release()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
