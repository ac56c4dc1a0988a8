"""Of many processes that have to compare everything one does it, and one that dies is replaced."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from agent_master_storage.backends.redis import RedisStorage, comparing, tracker
from agent_master_storage.backends.redis import reconcile as sweeper
from agent_master_storage.exceptions import StorageUnavailable
from agent_master_storage.testing import Recorder, wait_for
from agent_master_storage.testing.base import TIMEOUT, Worker

from .signals_off import Deaf

Make = Callable[..., RedisStorage]


@pytest.fixture
def sweeps(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Who has compared everything, in this process."""
    done: list[Any] = []
    slices = sweeper.Sweeper._slices

    def counted(self: Any) -> Iterator[None]:
        done.append(self)
        return slices(self)

    monkeypatch.setattr(sweeper.Sweeper, "_slices", counted)
    return done


@pytest.fixture
def keys(engine: redis.Redis, prefix: str) -> list[str]:
    keys = [f"k{number:03}" for number in range(600)]
    engine.mset({f"{prefix}:{key}": b"theirs" for key in keys})
    return keys


def test_one_does_it_for_all_that_wait(
    make: Make, keys: list[str], sweeps: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first began before the others asked, so one of these does it again, and that is all."""
    go_on, waiting = threading.Event(), set()
    monkeypatch.setattr(tracker.Tracker, "_start", lambda self: None)
    slices, begin = sweeper.Sweeper._slices, sweeper.Sweeper._begin

    def held(self: Any) -> Iterator[None]:
        for step in slices(self):
            assert go_on.wait(TIMEOUT)
            yield step

    def noted(self: Any, *arguments: Any, **options: Any) -> bytes:
        kind = begin(self, *arguments, **options)
        if kind == b"wait":
            waiting.add(self)
        return kind

    monkeypatch.setattr(sweeper.Sweeper, "_slices", held)
    monkeypatch.setattr(sweeper.Sweeper, "_begin", noted)
    found: list[Any] = []
    storages = [make() for _ in range(5)]
    workers = [Worker(lambda s=storage: found.append(s.list())) for storage in storages]
    for worker in workers:
        worker.start()
        wait_for(lambda: sweeps)
    wait_for(lambda: len(waiting) == 4)
    go_on.set()
    for worker in workers:
        worker.finish()
    assert found == [keys] * 5
    assert len(sweeps) == 2


def test_what_is_written_while_another_sweeps_is_found(
    make: Make, keys: list[str], engine: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By who comes then: the other may have passed that key already, and may hear of nothing."""
    monkeypatch.setattr(tracker.Tracker, "_start", lambda self: None)
    monkeypatch.setattr(tracker, "open_signal", Deaf.open)
    first, second = make(), make()
    sweep = first._tracker._sweeper._sweep(turn_of(first))
    for _ in range(3):
        next(sweep)
    engine.set(f"{prefix}:k000-between", b"theirs")
    listed: list[Any] = []
    worker = Worker(lambda: listed.append(second.list()))
    worker.start()
    for _ in sweep:
        pass
    worker.finish()
    assert "k000-between" in listed[0]


def turn_of(storage: RedisStorage) -> comparing.Turn:
    turn = storage._plans.turn()
    begun = storage._server.run(turn.begin(lately=0, interval=60, awaited=True))
    assert begun[0] == b"yours"
    return turn


def test_one_that_dies_at_it_is_replaced(
    make: Make, keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "LEASE", 0.3)
    storage = make()
    pid = os.fork()
    if pid == 0:
        sweep = storage._tracker._sweeper._sweep(turn_of(storage))
        next(sweep)
        # As a kill: nothing is put in order.
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert 0 < storage.revision < len(keys)
    began = time.monotonic()
    assert storage.list() == keys
    assert time.monotonic() - began > 0.1
    assert storage.revision == len(keys)


def test_one_that_fails_at_it_leaves_it_at_once(make: Make, keys: list[str]) -> None:
    first, second = make(), make()
    sweep = first._tracker._sweeper._sweep(turn_of(first))
    next(sweep)
    with pytest.raises(StorageUnavailable):
        sweep.throw(StorageUnavailable("as the test wants it"))
    assert second._server.run(second._plans.turn().begin(lately=0, interval=60, awaited=False)) == (
        b"yours",
        0,
    )


def test_nobody_waits_for_one_in_the_background(make: Make, keys: list[str]) -> None:
    slow, waiting = make(), make()
    sweep = slow._tracker._sweeper.sweep_slowly()
    next(sweep)
    assert waiting.list() == keys
    # That it goes on is no harm.
    assert list(sweep) != []
    assert waiting.revision == len(keys)


def test_a_turn_that_was_taken_is_given_up(
    make: Make, keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "LEASE", 0.0)
    slow, other = make(), make()
    sweep = slow._tracker._sweeper.sweep_slowly()
    next(sweep)
    turn_of(other)
    assert list(sweep) == []
    assert 0 < slow.revision < len(keys)
    assert slow._tracker._sweeper.due_in > 0


def test_at_intervals_one_does_it_for_all(make: Make, keys: list[str], sweeps: list[Any]) -> None:
    first, second = make(reconcile_interval=100), make(reconcile_interval=100)
    first._tracker._sweeper.sweep()
    assert 90 < first._tracker._sweeper.due_in <= 100
    assert list(second._tracker._sweeper.sweep_slowly()) == []
    assert 90 < second._tracker._sweeper.due_in <= 100
    # One that wants it more often does it.
    third = make(reconcile_interval=0.01)
    wait_for(lambda: list(third._tracker._sweeper.sweep_slowly()))
    assert sweeps == [first._tracker._sweeper, third._tracker._sweeper]


def test_one_of_a_store_that_was_emptied_counts_for_nothing(
    make: Make, keys: list[str], engine: redis.Redis, prefix: str, sweeps: list[Any]
) -> None:
    first, second = make(), make()
    sweep = first._tracker._sweeper._sweep(turn_of(first))
    next(sweep)
    engine.delete(*engine.scan_iter(f"{prefix_pattern(prefix)}*", count=1000))
    engine.set(f"{prefix}:new", b"theirs")
    for _ in sweep:
        pass
    assert second.list() == ["new"]
    assert second._tracker._sweeper in sweeps


def prefix_pattern(prefix: str) -> str:
    return "".join(f"\\{character}" for character in prefix)


def test_closing_does_not_wait_for_it(
    make: Make, keys: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Another is at it, and does not end."""
    turn_of(make())
    storage = make()
    storage.watch("k000", Recorder())
    lister = Worker(storage.list)
    lister.start()
    wait_for(storage._tracker._lock.locked)
    began = time.monotonic()
    storage.close()
    assert time.monotonic() - began < comparing.LEASE / 2
    with pytest.raises(StorageUnavailable, match="was closed meanwhile"):
        lister.finish()
    assert caplog.text == ""


def test_a_closed_storage_hears_of_others_when_used_again(
    make: Make, engine: redis.Redis, prefix: str
) -> None:
    storage, seen = make(), Recorder()
    storage.list()
    storage.close()
    storage.watch("k", seen)
    engine.set(f"{prefix}:k", b"theirs")
    assert seen.wait(1) == [b"theirs"]
