"""The ten promises of a watch, each with a test of its name, on every store."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import transaction

from agent_master_storage import Change, Write
from agent_master_storage.exceptions import (
    RevisionAhead,
    RevisionCompacted,
    StorageUnavailable,
)
from agent_master_storage.testing import Recorder, take, wait_for
from agent_master_storage.testing.base import TIMEOUT, Worker
from agent_master_storage.watch.ring import MAX_BATCHES

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])

WRITERS = 4
WRITES = 30


def write_from_many_threads(storage: Any, key: str = "k{writer}") -> None:
    def write(writer: int) -> None:
        for number in range(WRITES):
            storage.write(key.format(writer=writer), b"%d:%d" % (writer, number))

    workers = [Worker(lambda w=w: write(w), storage.release) for w in range(WRITERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.finish()


def revisions(changes: list[Change]) -> list[int]:
    return [change.revision for change in changes]


def atomic(storage: Any) -> Any:
    """The caller's transaction, for stores that join one."""
    return transaction.atomic(storage.using) if hasattr(storage, "using") else nullcontext()


class Follower:
    """Takes the batches of a subscription as they come, as a socket does."""

    def __init__(self, storage: Any, **selection: Any) -> None:
        self._ready = threading.Event()
        self.subscription = storage.subscribe(notify=self._ready.set, **selection)
        self.batches: list[Any] = []

    def follow_until(self, revision: int) -> list[Any]:
        deadline = time.monotonic() + TIMEOUT
        while self.subscription.bookmark < revision:
            assert time.monotonic() < deadline, f"stands at {self.subscription.bookmark}"
            self._ready.clear()
            if self.subscription.pending:
                self.batches += self.subscription.pull()
            else:
                self._ready.wait(0.05)
        return self.batches


# 1


def test_ordered(storage: Any) -> None:
    """Changes arrive by revision."""
    with storage.changes() as changes:
        write_from_many_threads(storage)
        found = revisions(take(changes, WRITERS * WRITES))
    assert found == sorted(found)


def test_ordered_handlers_run_one_after_another(storage: Any) -> None:
    running, values = threading.Lock(), Recorder()

    def handler(value: bytes | None) -> None:
        assert running.acquire(blocking=False), "two at once"
        time.sleep(0.002)
        running.release()
        values(value)

    storage.watch("k", handler)
    write_from_many_threads(storage, "k")
    found = values.wait(WRITERS * WRITES)
    assert found == [change.value for change in storage.history()]


# 2


def test_unique(storage: Any) -> None:
    """No change twice, not even where snapshot, log and memory meet."""
    readers = [storage.changes(since=0) for _ in range(3)]
    write_from_many_threads(storage)
    readers += [storage.changes(since=0), storage.changes(since=WRITES)]
    storage.write("end", b"")
    for reader in readers:
        with reader:
            found = revisions(take(reader, WRITERS * WRITES + 1 - (reader is readers[-1]) * WRITES))
        assert len(set(found)) == len(found)
        assert found[-1] == WRITERS * WRITES + 1


# 3


def test_reliable(storage: Any) -> None:
    """Who saw revisions a and c saw every matching change between them."""
    with storage.changes(prefix="k1") as changes:
        write_from_many_threads(storage)
        found = take(changes, WRITES)
    assert found == storage.history(prefix="k1")
    assert [change.value for change in found] == [b"1:%d" % number for number in range(WRITES)]


# 4


def test_atomic(storage: Any) -> None:
    """A transaction's changes arrive together, in one batch."""
    follower = Follower(storage)
    storage.commit([Write(f"a{number}", b"") for number in range(5)])
    with atomic(storage):
        storage.write("b1", b"")
        storage.commit([Write("b2", b""), Write("b3", b"")])
        storage.delete("b1")
    last = storage.write("c", b"")
    batches = [[change.key for change in batch.changes] for batch in follower.follow_until(last)]
    if hasattr(storage, "using"):
        assert batches == [[f"a{n}" for n in range(5)], ["b1", "b2", "b3", "b1"], ["c"]]
    else:
        assert batches == [[f"a{n}" for n in range(5)], ["b1"], ["b2", "b3"], ["b1"], ["c"]]


def test_atomic_however_large(database: Any) -> None:
    """Larger than any page of the log, and for a reader that comes from behind too."""
    follower = Follower(database)
    with transaction.atomic(database.using):
        for part in range(4):
            database.commit([Write(f"{part}/{number}", b"x" * 3000) for number in range(700)])
    last = database.write("end", b"")
    late = Follower(database, since=0)
    one = Follower(database, since=0, prefix="2/")
    for reader, sizes in ((follower, [2800, 1]), (late, [2800, 1]), (one, [700])):
        assert [len(batch.changes) for batch in reader.follow_until(last)] == sizes


# 5


def test_resumable(storage: Any) -> None:
    """Every matching change after ``since``, or an error that says what is still held."""
    for number in range(10):
        storage.write("k", b"%d" % number)
    storage.compact(4)
    for since in range(4, 10):
        with storage.changes(key="k", since=since) as changes:
            assert revisions(take(changes, 10 - since)) == list(range(since + 1, 11))
    for since in range(4):
        with pytest.raises(RevisionCompacted) as compacted:
            take(storage.changes(key="k", since=since), 1)
        assert compacted.value.oldest == 5
    with pytest.raises(RevisionAhead) as ahead:
        take(storage.changes(since=11), 1)
    assert ahead.value.current == 10


# 6


def test_gapless_start(storage: Any) -> None:
    """A snapshot and the changes since it give the state, whenever it was taken."""
    worker = Worker(lambda: write_from_many_threads(storage, "k"), storage.release)
    worker.start()
    for _ in range(10):
        snapshot = storage.snapshot()
        with storage.changes(since=snapshot.revision, epoch=snapshot.epoch) as changes:
            rest = take(changes, min(10, WRITERS * WRITES - snapshot.revision))
        start = snapshot.revision + 1
        assert revisions(rest) == list(range(start, start + len(rest)))
        stood = snapshot.entries[0].revision if snapshot.entries else 0
        if rest:
            assert rest[0].previous_revision == stood
    worker.finish()


# 7


def test_bookmarked(storage: Any) -> None:
    """Progress at r: every matching change up to r was delivered."""
    follower = Follower(storage, key="wanted")
    for number in range(20):
        storage.write("other", b"%d" % number)
        last = storage.write("wanted" if number % 5 == 0 else "another", b"%d" % number)
        batches = follower.follow_until(last)
        found = [change.revision for batch in batches for change in batch.changes]
        assert found == revisions(storage.history(key="wanted"))


def test_bookmarked_without_anything_that_matches(storage: Any) -> None:
    follower = Follower(storage, key="never")
    last = storage.commit([Write(f"k{number}", b"") for number in range(10)])
    assert follower.follow_until(last) == []
    assert follower.subscription.bookmark == last


# 8


def test_slow_readers_harm_nobody(storage: Any) -> None:
    """One that stands still holds up neither writers nor readers, and still gets all."""
    go_on, slow, quick = threading.Event(), Recorder(), Recorder()

    def wait(value: bytes | None) -> None:
        go_on.wait(TIMEOUT)
        slow(value)

    storage.watch("k", wait)
    storage.watch("k", quick)
    waiting = Follower(storage, key="k")
    values = [b"%d" % number for number in range(200)]
    for value in values:
        storage.write("k", value)
    assert quick.wait(len(values)) == values
    assert slow.values == []
    go_on.set()
    assert slow.wait(len(values)) == values
    assert len(waiting.follow_until(len(values))) == len(values)


def test_slow_readers_take_no_memory(storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_master_storage.watch.ring.MAX_BYTES", 50_000)
    slow, quick = Follower(storage), Follower(storage)
    quick.follow_until(storage.write("first", b""))
    for number in range(300):
        last = storage.write(f"k{number}", bytes(1000))
    quick.follow_until(last)
    held = storage.tail._ring
    assert len(held) <= 50 < MAX_BATCHES
    assert [batch.revision for batch in slow.follow_until(last)] == list(range(1, last + 1))


# 9


def test_healing(
    storage: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The store can't be read for a while; the watch goes on where it was."""
    seen, read_log, broken = Recorder(), storage.read_log, threading.Event()
    failures = []

    def failing(*args: Any, **kwargs: Any) -> Any:
        if broken.is_set():
            failures.append(args)
            raise StorageUnavailable("as the test wants it")
        return read_log(*args, **kwargs)

    monkeypatch.setattr(storage, "read_log", failing)
    storage.watch("k", seen)
    with storage.changes() as changes:
        storage.write("k", b"before")
        seen.wait(1)
        broken.set()
        storage.write("k", b"meanwhile")
        wait_for(lambda: len(failures) >= 2, "a second attempt")
        storage.write("k", b"and more")
        broken.clear()
        storage.write("k", b"after")
        assert seen.wait(4) == [b"before", b"meanwhile", b"and more", b"after"]
        assert len(take(changes, 4)) == 4
    assert "as the test wants it" in caplog.text


# 10


def test_a_handler_that_raises_is_logged_and_the_next_change_still_comes(
    storage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    seen = Recorder()

    def fail(value: bytes | None) -> None:
        seen(value)
        raise ValueError(f"can't use {value!r}")

    storage.watch("k", fail)
    storage.write("k", b"one")
    storage.write("k", b"two")
    assert seen.wait(2) == [b"one", b"two"]
    wait_for(lambda: "can't use b'two'" in caplog.text)
    failures = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.name for record in failures] == ["agent_master_storage.watch"] * 2


def test_unsubscribe_is_final(storage: Any) -> None:
    """When it has returned, no new call starts, however many changes are waiting."""
    over: list[bool] = []
    late: list[bytes | None] = []
    for _ in range(5):
        over.clear()
        started = threading.Event()

        def handler(value: bytes | None, started: threading.Event = started) -> None:
            if over:
                late.append(value)
            started.set()

        unsubscribe = storage.watch("k", handler)
        writer = Worker(lambda: [storage.write("k", b"") for _ in range(40)], storage.release)
        writer.start()
        assert started.wait(TIMEOUT)
        unsubscribe()
        over.append(True)
        writer.finish()
    # Had any been late, the handler of a later watch would come behind it.
    seen = Recorder()
    storage.watch("k", seen)
    storage.write("k", b"end")
    seen.wait_until(b"end")
    assert late == []


def test_unsubscribe_inside_the_handler_and_while_it_runs(storage: Any) -> None:
    running, go_on, calls = threading.Event(), threading.Event(), Recorder()

    def handler(value: bytes | None) -> None:
        calls(value)
        running.set()
        go_on.wait(TIMEOUT)
        unsubscribe()

    unsubscribe = storage.watch("k", handler)
    storage.write("k", b"one")
    assert running.wait(TIMEOUT)
    # It does not wait for the call that runs, or this would hang.
    unsubscribe()
    storage.write("k", b"two")
    go_on.set()
    seen = Recorder()
    storage.watch("k", seen)
    storage.write("k", b"three")
    seen.wait_until(b"three")
    assert calls.values == [b"one"]
