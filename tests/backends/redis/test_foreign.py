"""What is written past us: noticed at once, once, and never taken for ours or ours for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import redis

from agent_master_storage import Check, Delete, Write, actor
from agent_master_storage.backends.redis import RedisStorage, tracker
from agent_master_storage.backends.redis.signals import Tracking
from agent_master_storage.exceptions import KeyNotFound, RevisionConflict
from agent_master_storage.testing import Recorder, take, wait_for
from agent_master_storage.testing.base import Worker

Make = Callable[..., RedisStorage]


def told(storage: Any) -> list[tuple[int, str, str, bytes | None, int]]:
    return [
        (change.revision, change.type, change.key, change.value, change.previous_revision)
        for change in storage.history()
    ]


# Met by a call


def test_it_is_read(storage: RedisStorage, engine: redis.Redis, prefix: str) -> None:
    engine.set(f"{prefix}:config", b"\x00\xff theirs")
    assert storage.read("config") == b"\x00\xff theirs"
    engine.delete(f"{prefix}:config")
    with pytest.raises(KeyNotFound):
        storage.read("config")


def test_an_entry_has_a_revision(storage: RedisStorage, engine: redis.Redis, prefix: str) -> None:
    with actor("us"):
        storage.write("k", b"ours")
    engine.set(f"{prefix}:k", b"theirs")
    entry = storage.entry("k")
    assert (entry.value, entry.revision, entry.created_revision, entry.actor) == (
        b"theirs", 2, 1, "",
    )  # fmt: skip
    assert storage.entry("k") == entry
    engine.delete(f"{prefix}:k")
    with pytest.raises(KeyNotFound):
        storage.entry("k")
    assert told(storage) == [
        (1, "write", "k", b"ours", 0), (2, "write", "k", b"theirs", 1), (3, "delete", "k", None, 2),
    ]  # fmt: skip


def test_it_is_listed(storage: RedisStorage, engine: redis.Redis, prefix: str) -> None:
    """Each time, although nothing told the index."""
    storage.write("ours", b"")
    for number in range(20):
        engine.set(f"{prefix}:k{number:02}", b"")
        assert storage.list() == [*(f"k{n:02}" for n in range(number + 1)), "ours"]
    engine.delete(f"{prefix}:k07", f"{prefix}:ours")
    assert len(storage.list("k")) == 19
    assert [entry.key for entry in storage.entries()] == storage.list()
    assert [entry.key for entry in storage.page(limit=5, values=False).entries] == [
        f"k{number:02}" for number in range(5)
    ]


async def test_it_is_listed_in_a_loop(
    storage: RedisStorage, engine: redis.Redis, prefix: str
) -> None:
    for number in range(5):
        engine.set(f"{prefix}:k{number}", b"v")
        assert len(await storage.alist()) == number + 1
        assert len(await storage.aentries()) == number + 1
    assert (await storage.asnapshot()).revision == 5


def test_a_conditional_write_fails_against_it(
    storage: RedisStorage, engine: redis.Redis, prefix: str
) -> None:
    stands = storage.write("k", b"ours")
    engine.set(f"{prefix}:k", b"theirs")
    for attempt in (
        lambda: storage.write("k", b"lost", if_revision=stands),
        lambda: storage.delete("k", if_revision=stands),
        lambda: storage.commit([Write("other", b""), Check("k", stands)]),
        lambda: storage.write("k", b"lost", if_revision=0),
    ):
        with pytest.raises(RevisionConflict) as caught:
            attempt()
        assert caught.value.current == stands + 1
    assert engine.get(f"{prefix}:k") == b"theirs"
    assert storage.write("k", b"merged", if_revision=stands + 1) == stands + 2


def test_a_conditional_write_fails_against_its_delete(
    storage: RedisStorage, engine: redis.Redis, prefix: str
) -> None:
    stands = storage.write("k", b"ours")
    engine.delete(f"{prefix}:k")
    with pytest.raises(RevisionConflict) as caught:
        storage.write("k", b"lost", if_revision=stands)
    assert caught.value.current == 0
    with pytest.raises(KeyNotFound):
        storage.delete("k")
    assert storage.write("k", b"anew", if_revision=0) == 3
    assert storage.entry("k").created_revision == 3


def test_a_plain_write_over_it_leaves_both_in_the_log(
    storage: RedisStorage, engine: redis.Redis, prefix: str
) -> None:
    storage.write("k", b"1")
    engine.set(f"{prefix}:k", b"2")
    assert storage.write("k", b"3") == 3
    engine.set(f"{prefix}:new", b"4")
    assert storage.commit([Write("new", b"5"), Delete("k")]) == 5
    assert [(revision, value) for revision, _, _, value, _ in told(storage)] == [
        (1, b"1"), (2, b"2"), (3, b"3"), (4, b"4"), (5, b"5"), (5, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "operations",
    [
        [Check("k", 2), Write("k", b"ours", 2)],
        [Write("k", b"ours"), Check("k", 2), Check("k", 2)],
    ],
)
def test_it_is_told_once_when_a_commit_meets_it_twice(
    storage: RedisStorage, engine: redis.Redis, prefix: str, operations: list[Any]
) -> None:
    storage.write("k", b"before")
    engine.set(f"{prefix}:k", b"theirs")
    assert storage.commit(operations) == 3
    assert told(storage) == [
        (1, "write", "k", b"before", 0), (2, "write", "k", b"theirs", 1),
        (3, "write", "k", b"ours", 2),
    ]  # fmt: skip


def test_the_same_bytes_are_no_change(
    storage: RedisStorage, engine: redis.Redis, prefix: str
) -> None:
    revision = storage.write("k", b"v")
    engine.set(f"{prefix}:k", b"v")
    engine.set(f"{prefix}:k", b"other")
    engine.set(f"{prefix}:k", b"v")
    assert storage.list() == ["k"]
    assert storage.entry("k").revision == revision == storage.revision


def test_a_key_that_expires_is_deleted(
    storage: RedisStorage, engine: redis.Redis, prefix: str
) -> None:
    seen = Recorder()
    storage.watch("k", seen)
    engine.set(f"{prefix}:k", b"for a while", px=300)
    assert seen.wait(2) == [b"for a while", None]
    assert storage.list() == []


def test_our_write_takes_away_their_expiry(
    storage: RedisStorage, engine: redis.Redis, prefix: str
) -> None:
    engine.set(f"{prefix}:k", b"for a while", ex=100)
    storage.write("k", b"for good")
    assert engine.ttl(f"{prefix}:k") == -1


# Told to watchers


def test_a_handler_hears_of_it_at_once(
    storage: RedisStorage, engine: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker.Tracker, "_sweep_slowly", lambda self: None)
    seen = Recorder()
    storage.watch("k", seen)
    for number in range(20):
        engine.set(f"{prefix}:k", b"%d" % number)
        seen.wait(number + 1)
    engine.delete(f"{prefix}:k")
    assert seen.wait(21) == [*(b"%d" % number for number in range(20)), None]


class Buffered:
    """A connection that has received all of this at once."""

    def __init__(self, *messages: Any) -> None:
        self._messages = list(messages)

    def send_command(self, *words: str) -> None:
        assert words == ("PING",)

    def can_read(self, timeout: float) -> bool:
        return bool(self._messages)

    def read_response(self, push_request: bool) -> Any:
        return self._messages.pop(0)


def test_what_came_with_the_answer_to_a_barrier_is_heard() -> None:
    """Left in the buffer, it would wait until something else comes."""
    before, after = [b"invalidate", [b"p:before"]], [b"invalidate", [b"p:after"]]
    connection: Any = Buffered(before, b"PONG", after, [b"invalidate", None])
    assert Tracking(connection).read(barrier=True) == ({b"p:before", b"p:after"}, True)


def test_each_is_one_change_however_many_watch(
    make: Make, engine: redis.Redis, prefix: str
) -> None:
    watchers = [make() for _ in range(4)]
    iterators = [watcher.changes() for watcher in watchers]
    for number in range(50):
        engine.set(f"{prefix}:k{number % 5}", b"%d" % number)
        watchers[number % 4].list()
    for iterator in iterators:
        with iterator:
            found = take(iterator, 50)
        assert [change.revision for change in found] == list(range(1, 51))
    assert watchers[0].revision == 50


def test_ours_are_not_taken_for_theirs(make: Make, engine: redis.Redis, prefix: str) -> None:
    """Many write through us at once while all of them listen for others."""
    storages = [make() for _ in range(3)]
    iterators = [storage.changes() for storage in storages]

    def write(storage: Any) -> None:
        for number in range(60):
            storage.write(f"k{number % 3}", b"%d" % number)
            storage.list()

    workers = [Worker(lambda s=storage: write(s)) for storage in storages]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.finish()
    assert storages[0].revision == 180
    assert len(take(iterators[2], 180)) == 180
    for iterator in iterators:
        iterator.close()


def test_between_two_looks_the_last_state_is_told(
    storage: RedisStorage, engine: redis.Redis, prefix: str
) -> None:
    """Both write the same key as fast as they can: no revision is lost, and the end is the end."""
    stop = threading.Event()

    def theirs() -> None:
        number = 0
        while not stop.is_set():
            engine.set(f"{prefix}:k", b"theirs %d" % number)
            number += 1

    seen = Recorder()
    storage.watch("k", seen)
    worker = Worker(theirs)
    worker.start()
    for number in range(200):
        storage.write("k", b"ours %d" % number)
    stop.set()
    worker.finish()
    engine.set(f"{prefix}:k", b"end")
    values = seen.wait_until(b"end")
    assert [value for value in values if value and value.startswith(b"ours")] == [
        b"ours %d" % number for number in range(200)
    ]
    history = storage.history()
    assert [change.revision for change in history] == list(range(1, len(history) + 1))
    assert [change.previous_revision for change in history] == list(range(len(history)))


# Swept up


def test_what_nobody_heard_is_found_by_comparing(
    make: Make, engine: redis.Redis, prefix: str
) -> None:
    """Nobody ran while they wrote."""
    first = make()
    first.commit([Write(f"k{number}", b"ours") for number in range(10)])
    first.close()
    engine.set(f"{prefix}:k3", b"theirs")
    engine.set(f"{prefix}:new", b"theirs")
    engine.delete(f"{prefix}:k4")
    second = make()
    assert "new" in second.list() and "k4" not in second.list()
    assert sorted(told(second)[10:]) == [
        (2, "write", "k3", b"theirs", 1), (3, "delete", "k4", None, 1),
        (4, "write", "new", b"theirs", 0),
    ]  # fmt: skip


def test_comparing_at_intervals(
    make: Make, engine: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing that tells at once."""
    from .signals_off import Deaf

    monkeypatch.setattr(tracker, "open_signal", Deaf.open)
    storage, seen = make(reconcile_interval=0.05), Recorder()
    storage.watch("k", seen)
    for value in (b"one", b"two", None, b"three"):
        if value is None:
            engine.delete(f"{prefix}:k")
        else:
            engine.set(f"{prefix}:k", value)
        seen.wait_until(value)
    assert seen.values == [b"one", b"two", None, b"three"]


def test_a_lost_connection_of_the_listener(
    storage: RedisStorage, engine: redis.Redis, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen = Recorder()
    storage.watch("k", seen)
    engine.set(f"{prefix}:k", b"before")
    seen.wait(1)
    for number in range(5):
        for connection in engine.client_list():
            if connection["name"] == "agent-master-storage":
                engine.client_kill_filter(_id=connection["id"])
        engine.set(f"{prefix}:k", b"%d" % number)
        seen.wait_until(b"%d" % number)
    wait_for(lambda: storage.list() == ["k"])
    assert seen.values == [b"before", *(b"%d" % number for number in range(5))]
