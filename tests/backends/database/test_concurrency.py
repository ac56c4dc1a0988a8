"""Many threads and event loops on one adapter, and on many."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from agent_master_storage import Change, Check, Delete, Write, storages
from agent_master_storage.backends.base import BaseStorage
from agent_master_storage.exceptions import KeyNotFound, RevisionConflict
from agent_master_storage.testing import take
from agent_master_storage.testing.base import TIMEOUT, Worker

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


@pytest.fixture(
    params=["memory", "redis", "default", "postgres"],
    ids=["memory", "redis", "sqlite", "postgresql"],
)
def storage(request: pytest.FixtureRequest) -> Any:
    return storages[request.param]


def hammer(storage: Any, seed: int, stop_after: int) -> None:
    chance = random.Random(seed)
    done = 0
    while done < stop_after:
        key = f"k{chance.randrange(6)}"
        entry = next(iter(storage.entries(key, limit=1)), None)
        stands = entry.revision if entry is not None and entry.key == key else 0
        way = chance.randrange(4)
        try:
            if way == 0:
                storage.write(key, b"%d" % seed)
            elif way == 1:
                storage.write(key, b"%d" % seed, if_revision=stands)
            elif way == 2:
                storage.delete(key, if_revision=stands or None)
            else:
                storage.commit([Check(key, stands), Write(f"other{seed}", b"")])
        except (RevisionConflict, KeyNotFound):
            continue
        done += 1


def test_threads_hammer_and_the_log_still_tells_the_state(storage: Any) -> None:
    threads, each = 8, 40
    with storage.changes(since=0) as changes:
        workers = [
            Worker(lambda s=seed: hammer(storage, s, each), storage.release)
            for seed in range(threads)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.finish()
        told = take(changes, threads * each)
    assert [change.revision for change in told] == list(range(1, threads * each + 1))
    state: dict[str, Change] = {}
    for change in told:
        assert change.previous_revision == (
            state[change.key].revision if change.key in state else 0
        )
        state[change.key] = change
        if change.value is None:
            del state[change.key]
    assert {key: change.revision for key, change in state.items()} == {
        entry.key: entry.revision for entry in storage.entries()
    }


def test_subscribing_and_unsubscribing_while_it_is_written(storage: Any) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            storage.write("k", b"")
            # On a busy machine it would be past the log's limit before a reader has its turn.
            time.sleep(0.001)

    def come_and_go() -> None:
        for _ in range(25):
            unsubscribe = storage.watch("k", lambda value: None)
            with storage.changes() as changes:
                first, second = take(changes, 2)
                assert second.revision == first.revision + 1
            unsubscribe()

    writer = Worker(write, storage.release)
    others = [Worker(come_and_go, storage.release) for _ in range(4)]
    writer.start()
    for worker in others:
        worker.start()
    for worker in others:
        worker.finish()
    stop.set()
    writer.finish()
    assert not storage.tail._subscriptions


def test_every_async_twin(storage: Any) -> None:
    async def use() -> None:
        assert await storage.awrite("k", b"one", if_revision=0) == 1
        assert await storage.awrite_json("document", {"a": 1}) == 2
        assert await storage.aread("k") == b"one"
        assert await storage.aread_json("document") == {"a": 1}
        assert await storage.alist("d") == ["document"]
        assert (await storage.aentry("k", revision=1)).value == b"one"
        assert len(await storage.aentries(after="a", limit=1)) == 1
        assert await storage.arevision() == 2
        assert await storage.acommit([Delete("document", 2)]) == 3
        assert (await storage.atransact([Write("k", b"two")]))[0].revision == 4
        assert (await storage.asnapshot()).epoch == await storage.aepoch()
        assert [change.revision for change in await storage.ahistory(since=1, limit=2)] == [2, 3]
        await storage.acompact(1)
        heard = asyncio.Event()
        loop = asyncio.get_running_loop()
        unsubscribe = await storage.awatch("k", lambda value: loop.call_soon_threadsafe(heard.set))
        async with asyncio.timeout(TIMEOUT), storage.achanges(key="k", since=3) as changes:
            assert (await anext(changes)).value == b"two"
            assert await storage.adelete("k", if_revision=4) == 5
            assert (await anext(changes)).value is None
            await heard.wait()
        unsubscribe()

    async_to_sync(use)()


def test_every_verb_has_an_async_twin() -> None:
    alone = {"close", "new_epoch", "epoch", "oldest", "revision"}
    # The interface for integrations: REST, sockets and the admin call it in threads.
    alone |= {"page", "sizes", "subscribe", "log_state", "read_log", "release"}
    verbs = [
        name
        for name, member in vars(BaseStorage).items()
        if not name.startswith("_") and callable(member) and not name.startswith("a")
    ]
    for verb in set(verbs) - alone:
        assert hasattr(BaseStorage, f"a{verb}"), verb
    assert hasattr(BaseStorage, "aepoch") and hasattr(BaseStorage, "arevision")


def test_a_loop_goes_on_while_the_store_is_asked(storage: Any) -> None:
    """Other tasks run meanwhile; those that write are not lost among each other."""

    async def use() -> None:
        async with asyncio.timeout(TIMEOUT):
            revisions = await asyncio.gather(
                *(storage.awrite(f"k{number}", b"") for number in range(30))
            )
        assert sorted(revisions) == list(range(1, 31))

    async_to_sync(use)()
