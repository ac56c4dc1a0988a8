"""A write without a condition: the client says what the state will be, or the server does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from agent_master_storage import Delete, Write, actor
from agent_master_storage.backends.redis import RedisStorage

from . import stores
from .parts import is_whole, overheard

Make = Callable[..., RedisStorage]


def kept(engine: redis.Redis, prefix: str) -> list[bytes]:
    """The state but for its epoch, which is random."""
    state = engine.hget(f"{prefix}/entries", "")
    assert isinstance(state, bytes)
    return state.split(b" ")[1:]


def records(engine: redis.Redis, prefix: str) -> list[Any]:
    """The log but for the times."""
    found: Any = engine.xrange(f"{prefix}/log")
    return [
        (number, fields[b"m"].split(b" ")[:2], fields[b"m"].split(b" ")[3:], fields[b"k"])
        for number, fields in found
    ]


def adds_up(engine: redis.Redis, prefix: str) -> None:
    """The state has the bytes of the log, and of what was dropped from it."""
    _, size, base, *_ = kept(engine, prefix)
    bytes_before = int(base)
    found: Any = engine.xrange(f"{prefix}/log")
    for _, fields in found:
        assert int(fields[b"m"].split(b" ")[3]) == bytes_before
        bytes_before += len(fields.get(b"v", b""))
    assert bytes_before == int(size)


def test_it_comes_to_the_same(make: Make, engine: redis.Redis, prefix: str) -> None:
    """By one who knows the state, and by one who has just come each time."""
    with actor("somebody"):
        storage = make()
        storage.list()
        for number in range(70):
            storage.write(f"k{number % 9}", b"%" * number)
        known = kept(engine, prefix), records(engine, prefix)
        stores.empty(prefix, storage.url)
        for number in range(70):
            newcomer = make()
            newcomer.list()
            newcomer._plans.permitted = True
            newcomer.write(f"k{number % 9}", b"%" * number)
            newcomer.close()
    assert (kept(engine, prefix), records(engine, prefix)) == known
    is_whole(make())
    adds_up(engine, prefix)


def test_one_round_trip_alone_and_in_turns(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = make(), make()
    for storage in (ours, theirs) * 2:
        # The first is another script's, the second loads this one.
        storage.write("k", b"")
    asked = [overheard(storage, monkeypatch) for storage in (ours, theirs)]
    for number in range(20):
        ours.write(f"new{number}", b"v")
        ours.write("k", b"ours")
        theirs.write("k", b"theirs")
    assert [len(questions) for questions in asked] == [40, 20]
    assert ours.revision == 64
    is_whole(ours)


def test_who_is_alone_knows_the_state(
    make: Make, engine: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says what comes of it, but where the log's size is looked at."""
    storage = make()
    storage.write("k", b"first")
    told = 0
    for number in range(40):
        state = engine.hget(f"{prefix}/entries", "")
        assert isinstance(state, bytes)
        told += state in storage._plans.put("k", b"v", "").packed()
        storage.write("k", b"%d" % number)
    assert 35 <= told < 40


@pytest.mark.parametrize("limit", [20, 2000])
def test_after_each_kind_of_write(make: Make, engine: redis.Redis, prefix: str, limit: int) -> None:
    """What others did to the state between is never overwritten by one who does not know it."""
    ours, theirs = make(history_limit=limit), make(history_limit=limit)
    for number in range(40):
        ours.write("k", b"%d" % number)
        theirs.commit([Write("a", b"1" * number), Write(f"b{number}", b""), Delete("k")])
        ours.write("k", b"again")
        if number % 7 == 0:
            ours.write("k", b"and again")
            theirs.compact(theirs.revision - 3)
            compacted = kept(engine, prefix)[2:4]
            ours.write("k", b"a third time")
            assert kept(engine, prefix)[2:4] == compacted
        theirs.delete("k")
    assert ours.revision == theirs.revision == 172
    assert [change.revision for change in ours.history()][-1] == 172
    assert (ours.entry("a").value, ours.epoch) == (b"1" * 39, theirs.epoch)
    adds_up(engine, prefix)


def test_an_answer_that_comes_late(make: Make, engine: redis.Redis, prefix: str) -> None:
    """Of an epoch that is over: what is known of the next must not be lost by it."""
    storage = make()
    for _ in range(20):
        storage.write("k", b"v")
    answer = storage._server.ask(storage._plans.put("k", b"late", ""))
    stores.empty(prefix, storage.url)
    storage.write("k", b"new")
    known = storage._plans.known
    assert storage._plans.was_put(answer) == 21
    assert storage._plans.known == known
    assert (known.revision, known.epoch) != (21, answer.split(b" ")[0])


def test_a_prefix_with_a_percent_sign(server: str) -> None:
    stores.empty("100%d", server)
    storage = stores.make_storage("100%d", server)
    for number in range(3):
        storage.write("k", b"%%d%b")
        assert storage.entry("k").revision == number + 1
    assert storage.read("k") == b"%%d%b"
    storage.close()
    stores.empty("100%d", server)
