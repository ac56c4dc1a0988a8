"""A write without a condition: the client says what the state will be, or the server does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from agent_master_storage import Delete, Write, actor
from agent_master_storage.backends.redis import RedisStorage

from . import stores
from .parts import is_whole

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


def count_questions(storage: RedisStorage, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    asked: list[object] = []
    server = storage._server
    ask = server.ask

    def counting(question: Any) -> Any:
        asked.append(question)
        return ask(question)

    monkeypatch.setattr(server, "ask", counting)
    return asked


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


def test_one_round_trip_alone_and_in_turns(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = make(), make()
    for storage in (ours, theirs):
        storage.write("k", b"")
    asked = [count_questions(storage, monkeypatch) for storage in (ours, theirs)]
    for number in range(20):
        ours.write(f"new{number}", b"v")
        ours.write("k", b"ours")
        theirs.write("k", b"theirs")
    assert [len(questions) for questions in asked] == [40, 20]
    assert ours.revision == 62
    is_whole(ours)


def test_after_each_kind_of_write(make: Make) -> None:
    """What others did to the state between is never overwritten by one who does not know it."""
    ours, theirs = make(history_limit=20), make(history_limit=20)
    for number in range(40):
        ours.write("k", b"%d" % number)
        theirs.commit([Write("a", b"1" * number), Write(f"b{number}", b""), Delete("k")])
        ours.write("k", b"again")
        if number % 7 == 0:
            theirs.compact(theirs.revision - 3)
        theirs.delete("k")
    assert ours.revision == theirs.revision == 160
    assert [change.revision for change in ours.history()][-1] == 160
    assert (ours.entry("a").value, ours.epoch) == (b"1" * 39, theirs.epoch)


def test_a_prefix_with_a_percent_sign(server: str) -> None:
    stores.empty("100%d", server)
    storage = stores.make_storage("100%d", server)
    for number in range(3):
        storage.write("k", b"%%d%b")
        assert storage.entry("k").revision == number + 1
    assert storage.read("k") == b"%%d%b"
    storage.close()
    stores.empty("100%d", server)
