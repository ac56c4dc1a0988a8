"""Where client tracking is refused, keyspace notifications tell of others, if they are on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from agent_master_storage.backends.redis import RedisStorage, tracker, waiter
from agent_master_storage.backends.redis.schema import Names
from agent_master_storage.backends.redis.signals import Notifications
from agent_master_storage.testing import Recorder, take, wait_for

from .acl import rules

Make = Callable[..., RedisStorage]

SETTING = "notify-keyspace-events"


@pytest.fixture
def user(engine: redis.Redis, server: str, prefix: str) -> str:
    """The URL of one who may do all that is documented, but for client tracking."""
    allowed = [rule for rule in rules(prefix) if rule[0] not in "~&" and "tracking" not in rule]
    # A channel must be given just as it is asked for; in the document nothing has to be escaped.
    names = Names(prefix)
    allowed += ["~*", b"&__keyspace@0__:%s" % names.pattern]
    engine.execute_command("ACL", "SETUSER", "deaf", "reset", "on", ">secret", *allowed)
    return server.replace("redis://", "redis://deaf:secret@")


@pytest.fixture
def notify(engine: redis.Redis) -> Iterator[Callable[[str], object]]:
    before = engine.config_get(SETTING)[SETTING]
    yield lambda classes: engine.config_set(SETTING, classes)
    engine.config_set(SETTING, before)


Notify = Callable[[str], object]


def signal_of(storage: Any) -> Notifications:
    wait_for(lambda: storage._tracker._signal)
    assert isinstance(storage._tracker._signal, Notifications)
    return storage._tracker._signal


@pytest.mark.parametrize("classes", ["Kg$x", "KEA"])
def test_a_handler_hears_of_it_at_once(
    make: Make, engine: redis.Redis, prefix: str, user: str, notify: Notify, classes: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(tracker.Tracker, "_sweep_slowly", lambda self: None)
    notify(classes)
    storage, seen = make(url=user), Recorder()
    storage.watch("k", seen)
    assert signal_of(storage).complete
    for number in range(20):
        engine.set(f"{prefix}:k", b"%d" % number)
        seen.wait(number + 1)
    engine.delete(f"{prefix}:k")
    seen.wait(21)
    engine.set(f"{prefix}:k", b"for a while", px=100)
    assert seen.wait(23)[20:] == [None, b"for a while", None]


def test_each_list_is_right(
    make: Make, engine: redis.Redis, prefix: str, user: str, notify: Notify
) -> None:
    notify("Kg$x")
    storage = make(url=user)
    for number in range(20):
        engine.set(f"{prefix}:k{number:02}", b"")
        assert storage.list() == [f"k{n:02}" for n in range(number + 1)]
    engine.rename(f"{prefix}:k00", f"{prefix}:renamed")
    engine.unlink(f"{prefix}:k01")
    assert len(storage.list()) == 19 and storage.list()[-1] == "renamed"
    assert signal_of(storage).complete


def test_ours_are_not_taken_for_theirs(make: Make, user: str, notify: Notify) -> None:
    notify("KEA")
    storage = make(url=user)
    with storage.changes() as changes:
        signal_of(storage)
        for number in range(100):
            storage.write(f"k{number % 3}", b"%d" % number)
        assert [change.revision for change in take(changes, 100)] == list(range(1, 101))
    assert storage.revision == 100


def test_flushall_is_not_told_and_yet_noticed(
    make: Make, engine: redis.Redis, prefix: str, user: str, notify: Notify,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(waiter, "LOOK_INTERVAL", 0.1)
    notify("Kg$x")
    storage, seen = make(url=user), Recorder()
    storage.watch("k", seen)
    storage.write("k", b"ours")
    seen.wait(1)
    epoch = storage.epoch
    engine.delete(*(name for name in engine.scan_iter(count=1000) if of(prefix, name)))
    assert storage.list() == []
    assert storage.epoch != epoch
    assert seen.wait(2) == [b"ours", None]


def of(prefix: str, name: bytes) -> bool:
    return name.startswith((f"{prefix}:".encode(), f"{prefix}/".encode()))


@pytest.mark.parametrize("classes", ["", "E$gx", "K$"])
def test_where_not_all_is_told_it_compares_at_intervals(
    make: Make, engine: redis.Redis, prefix: str, user: str, notify: Notify, classes: str
) -> None:
    notify(classes)
    storage, seen = make(url=user, reconcile_interval=0.05), Recorder()
    storage.watch("k", seen)
    assert not signal_of(storage).complete
    for value in (b"one", None, b"two"):
        if value is None:
            engine.delete(f"{prefix}:k")
        else:
            engine.set(f"{prefix}:k", value)
        seen.wait_until(value)
    assert seen.values == [b"one", None, b"two"]


def test_who_may_not_ask_takes_it_for_incomplete(
    make: Make, engine: redis.Redis, prefix: str, user: str, notify: Notify
) -> None:
    """And hears of it all the same."""
    notify("Kg$x")
    engine.execute_command("ACL", "SETUSER", "deaf", "-config")
    storage, seen = make(url=user), Recorder()
    storage.watch("k", seen)
    assert not signal_of(storage).complete
    engine.set(f"{prefix}:k", b"theirs")
    assert seen.wait(1) == [b"theirs"]
