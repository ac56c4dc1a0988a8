"""A watch works the same wherever it stands: scripts, threads, loops, commands, forks."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from agent_master_storage import Delete, Write
from agent_master_storage.testing import Recorder, wait_for
from agent_master_storage.testing.base import TIMEOUT, Worker
from agent_master_storage.watch.notifying import SLICE

from ..support.children import child

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])

VALUES = [str(number) for number in range(15)]


def write_all(shared: Any) -> None:
    for value in VALUES:
        shared.commit([Write("k", value.encode()), Write("other", b"")])
    shared.delete("k")


@pytest.mark.parametrize("way", ["handler", "iterator", "thread", "loop"])
def test_a_plain_script_hears_of_another_process(shared: Any, way: str) -> None:
    with child("tests.watch.follow", shared.alias, way) as script:
        script.wait(1)
        write_all(shared)
        assert script.wait(len(VALUES) + 2) == ["ready", *VALUES, None]


def test_a_management_command_hears_of_another_process(shared: Any) -> None:
    with child("django", "follow", shared.alias, "handler") as command:
        command.wait(1)
        write_all(shared)
        assert command.wait(len(VALUES) + 2) == ["ready", *VALUES, None]


def test_after_a_fork_both_go_on_each_by_itself(shared: Any) -> None:
    shared.write("before", b"")
    with child("tests.watch.follow", shared.alias, "fork") as script:
        script.wait(1)
        write_all(shared)
        lines = script.wait(1 + 2 * (len(VALUES) + 1))[1:]
        # The child has nothing of the parent's subscription, which would say it twice.
        assert [line for line in lines if line in VALUES] == VALUES
        children = [line for line in lines if line and line.startswith("child: ")]
        assert children == [f"child: {value}" for value in VALUES]
        assert lines.count(None) == 2


def test_this_process_hears_of_another(shared: Any) -> None:
    seen = Recorder()
    shared.watch("k", seen)
    with child("tests.watch.write", shared.alias, *VALUES) as script:
        script.finish()
        assert seen.wait(len(VALUES)) == [value.encode() for value in VALUES]


def test_several_loops_and_threads_share_one_tail(storage: Any) -> None:
    """Each loop is woken in itself, wherever the change comes from."""
    found: list[list[int]] = []
    ready: list[bool] = []

    async def follow() -> None:
        async with asyncio.timeout(TIMEOUT), storage.achanges() as changes:
            ready.append(True)
            found.append([(await anext(changes)).revision for _ in range(20)])

    def threaded() -> None:
        with storage.changes() as changes:
            ready.append(True)
            found.append([next(changes).revision for _ in range(20)])

    loops = [Worker(lambda: asyncio.run(follow()), storage.release) for _ in range(3)]
    loops += [Worker(threaded, storage.release) for _ in range(2)]
    for worker in loops:
        worker.start()
    while len(ready) < 5:
        loops[0].join(0.01)
    for number in range(10):
        storage.write(f"k{number}", b"")
        storage.commit([Delete(f"k{number}")])
    for worker in loops:
        worker.finish()
    assert found == [list(range(1, 21))] * 5


async def test_a_loop_with_many_tells_them_all(storage: Any) -> None:
    """They are told some at a time."""
    count = 2 * SLICE + 1
    many = [storage.achanges() for _ in range(count)]
    waiting = [asyncio.ensure_future(anext(changes)) for changes in many]
    await asyncio.sleep(0.01)
    await storage.awrite("k", b"")
    async with asyncio.timeout(TIMEOUT):
        found = await asyncio.gather(*waiting)
    assert [change.revision for change in found] == [1] * count
    for changes in many:
        await changes.aclose()


async def test_a_task_that_waits_can_be_cancelled(storage: Any) -> None:
    changes = storage.achanges()
    task = asyncio.ensure_future(anext(changes))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # It lost nothing by that.
    await storage.awrite("k", b"")
    async with asyncio.timeout(TIMEOUT):
        assert (await anext(changes)).key == "k"
    await changes.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(changes)


def test_a_loop_that_was_closed_harms_nobody(storage: Any) -> None:
    async def leave() -> Any:
        changes = storage.achanges()
        await storage.awrite("k", b"before")
        await anext(changes)
        return changes

    left = asyncio.run(leave())
    seen = Recorder()
    storage.watch("k", seen)
    storage.write("k", b"one")
    storage.write("k", b"two")
    assert seen.wait(2) == [b"one", b"two"]
    assert left is not None


def test_an_iterator_that_is_only_dropped_is_ended_too(storage: Any) -> None:
    changes = storage.changes()
    # The collector may come while this very thread holds the tail's lock.
    with storage.tail._lock:
        del changes
        gc.collect()
    wait_for(lambda: storage.tail._thread is None, "the end of the tail")
    storage.write("k", b"")
    with storage.changes(since=0) as changes:
        assert next(changes).revision == 1
