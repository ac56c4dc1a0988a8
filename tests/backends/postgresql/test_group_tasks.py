"""Tasks of an event loop share a commit too, and hold no thread."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from agent_master_storage import Check, Write
from agent_master_storage.exceptions import (
    InvalidKey,
    KeyNotFound,
    RevisionConflict,
    ValueTooLarge,
)

from .queueing import Held

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


def test_tasks_share_a_commit_and_no_threads(storage: Any, commits: list[int]) -> None:
    async def write(number: int) -> int:
        return int(await storage.awrite(f"k{number % 7}", b"%d" % number))

    async def refused() -> None:
        with pytest.raises(RevisionConflict):
            await storage.awrite("k0", b"", if_revision=10_000)
        with pytest.raises(KeyNotFound):
            await storage.adelete("missing")
        with pytest.raises(InvalidKey):
            await storage.awrite("", b"")
        with pytest.raises(ValueTooLarge):
            await storage.awrite("k", bytes(storage.max_value_size + 1))

    async def main() -> list[int]:
        before = threading.active_count()
        found = await asyncio.gather(*(write(number) for number in range(200)), refused())
        # The one that commits, and the one that notifies.
        assert threading.active_count() <= before + 2
        return list(found[:-1])

    assert sorted(asyncio.run(main())) == list(range(1, 201))
    assert max(commits) > 20
    assert len(storage.history()) == 200


def test_every_verb_has_its_twin(storage: Any) -> None:
    async def main() -> None:
        assert await storage.acommit([Write("a", b""), Write("b", b"")]) == 1
        assert await storage.acommit([Check("a", 1)]) == 1
        assert await storage.acommit([]) == 1
        (change,) = await storage.atransact([Write("a", b"1", 1)])
        assert (change.revision, change.previous_revision) == (2, 1)
        assert await storage.adelete("b") == 3
        assert await storage.awrite_json("c", {}) == 4

    asyncio.run(main())


def test_a_task_that_is_cancelled_harms_nobody(storage: Any) -> None:
    async def main() -> int:
        with Held(storage):
            first = asyncio.create_task(storage.awrite("a", b""))
            await asyncio.sleep(0.1)
            tasks = [asyncio.create_task(storage.awrite(f"k{n}", b"")) for n in range(5)]
            await asyncio.sleep(0.1)
            tasks[2].cancel()
            await asyncio.sleep(0)
        assert await first == 1
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[2], asyncio.CancelledError)
        return max(r for r in results if isinstance(r, int))

    assert asyncio.run(main()) >= 5


def test_a_commit_that_fails_unexpectedly_leaves_nobody_waiting(
    storage: Any, monkeypatch: Any
) -> None:
    def fail(*args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(storage._database, "put", fail)

    async def main() -> Any:
        return await asyncio.gather(storage.awrite("k", b""), return_exceptions=True)

    (error,) = asyncio.run(main())
    assert isinstance(error, ZeroDivisionError)
