"""RedisStorage against bare redis-py, django-redis and py-key-value, all on one server.

- Reading and writing one key, in a thread and in an event loop.
- From ``write()`` in one process to a handler in another.
- A store of a million keys that somebody else wrote: taken in, compared, listed; and how long any
  command kept the server from answering others, as its slow log has it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import redis
import redis.asyncio
from django.core.cache import caches
from key_value.aio.stores.redis import RedisStore

from agent_master_storage import Write, storages
from agent_master_storage.backends.redis import RedisStorage

from .figures import Goal, heading, interleaved, line, ratio
from .latency import measure_handler
from .options import Options

URL = os.environ["BENCHMARKS_REDIS_URL"]
KEYS = [f"targets:agent-{number:04}:config" for number in range(1000)]
VALUE_SIZE = 256
PAGE = 4096

_counter = itertools.count()

Call = Callable[[int], object]
AsyncCall = Callable[[int], Awaitable[object]]

READ, WRITE = Goal(bound=0.85), Goal(bound=0.6)
FASTER = Goal(bound=1)
#: milliseconds
BLOCKS = Goal(bound=5, at_least=False)
DELIVERED = Goal(bound=2, at_least=False)


def run(options: Options) -> None:
    """All of it."""
    _sync(options)
    asyncio.run(_async(options))
    heading("Redis: write() to a handler in another process")
    measure_handler("redis", options, DELIVERED)
    storages["redis"].close()
    _undisturbed()
    _plain(options)
    _million(options)
    _pages(options)
    _commits(options)


def _value() -> bytes:
    return (b"%d " % next(_counter)).ljust(VALUE_SIZE, b".")


def _key(number: int) -> str:
    return KEYS[number * 617 % len(KEYS)]


# One key


def _sync(options: Options) -> None:
    heading("Redis: read and write in a thread")
    storage, cache = storages["redis"], caches["django-redis"]
    with redis.Redis.from_url(URL) as bare:
        for key in KEYS:
            storage.write(key, _value())
            bare.set(f"bare:{key}", _value())
            cache.set(key, _value())
        reads: dict[str, Call] = {
            "storage": lambda number: storage.read(_key(number)),
            "redis-py": lambda number: bare.get(f"bare:{_key(number)}"),
            "django-redis": lambda number: cache.get(_key(number)),
        }
        writes: dict[str, Call] = {
            "storage": lambda number: storage.write(_key(number), _value()),
            "redis-py": lambda number: bare.set(f"bare:{_key(number)}", _value()),
            "django-redis": lambda number: cache.set(_key(number), _value()),
        }
        for name, calls, goal in (("read", reads, READ), ("write", writes, WRITE)):
            rates = interleaved(calls, count=options.scaled(4000), rounds=options.rounds)
            _report(name, rates, goal)


async def _async(options: Options) -> None:
    heading("Redis: read and write in an event loop")
    storage, cache = storages["redis"], caches["django-redis"]
    bare, store = redis.asyncio.Redis.from_url(URL), RedisStore(url=URL)
    for key in KEYS:
        await store.put(key, {"value": _value().decode()})
    reads: dict[str, AsyncCall] = {
        "storage": lambda number: storage.aread(_key(number)),
        "redis-py": lambda number: bare.get(f"bare:{_key(number)}"),
        "py-key-value": lambda number: store.get(_key(number)),
        "django-redis": lambda number: cache.aget(_key(number)),
    }
    writes: dict[str, AsyncCall] = {
        "storage": lambda number: storage.awrite(_key(number), _value()),
        "redis-py": lambda number: bare.set(f"bare:{_key(number)}", _value()),
        "py-key-value": lambda number: store.put(_key(number), {"value": _value().decode()}),
        "django-redis": lambda number: cache.aset(_key(number), _value()),
    }
    for name, calls, goal in (("read", reads, READ), ("write", writes, WRITE)):
        _report(name, await _interleaved(calls, options.scaled(2000), options.rounds), goal)
    await bare.aclose()
    await store.close()
    storages["redis"].close()


async def _interleaved(
    calls: Mapping[str, AsyncCall], count: int, rounds: int
) -> dict[str, list[float]]:
    """See figures.interleaved()."""
    rates: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            for index in range(count):
                await call(index)
            if number:
                rates[name].append(count / (time.perf_counter() - start))
    return rates


def _report(name: str, rates: dict[str, list[float]], goal: Goal) -> None:
    ours = rates.pop("storage")
    line(f"{name}: storage", sorted(ours)[len(ours) // 2], "/s")
    for peer, theirs in rates.items():
        bound = goal if peer == "redis-py" else FASTER
        line(f"{name}: storage to {peer}", ratio(ours, theirs), "x", bound)


# Many keys


def _undisturbed() -> None:
    """Let nothing else interrupt the server, where we may: only its own commands shall block it."""
    with redis.Redis.from_url(URL) as engine:
        process = engine.info("server")["process_id"]
    try:
        os.sched_setscheduler(process, os.SCHED_FIFO, os.sched_param(1))
    except (AttributeError, OSError):
        print("\n(The server can't be protected: what else runs here makes its commands longer.)")


def _plain(options: Options) -> None:
    """What this machine makes of commands that are nobody's fault: the peer of all below."""
    heading("Redis: plain commands, as many as a sweep of a million keys takes scripts")
    with redis.Redis.from_url(URL) as engine:
        rounds = options.scaled(8000)

        def write() -> None:
            for number in range(rounds):
                engine.mset({f"plain:{number}:{key}": b"." * 64 for key in range(250)})

        _timed(engine, "MSET of 250 keys", write, 250 * rounds, None, runs=1)
        _empty(engine)


def _million(options: Options) -> None:
    count = options.scaled(1_000_000)
    heading(f"Redis: {count:,} keys that somebody else wrote")
    small, large = _store("small"), _store("large")
    with redis.Redis.from_url(URL) as engine:
        _fill(engine, "small", 1000, 64)
        _fill(engine, "large", count, 64)
        small.list()
        _take_in(engine, "large", count)
        _timed(engine, "comparing all of them again", large._tracker._sweeper.sweep, count)
        prefix = "targets:agent-000001"
        assert len(small.list("targets:agent-000000")) == len(large.list(prefix)) == 100
        calls: dict[str, Call] = {
            "small": lambda _: small.list("targets:agent-000000"),
            "large": lambda _: large.list(prefix),
        }
        rates = interleaved(calls, count=options.scaled(400), rounds=options.rounds)
        cost = ratio(rates["small"], rates["large"])
        line("list of 100 keys, to its cost at 1,000", cost, "x", Goal(bound=1.5, at_least=False))
        _timed(engine, "a list of all", large.list, count)
        _timed(engine, "a snapshot of all", large.snapshot, count)
        _timed(engine, "the history", large.history, engine.xlen("large/log"))
        large.close(), small.close()
        _empty(engine)


def _pages(options: Options) -> None:
    """Values of 4 KiB: everything that is done to many of them at once, or to the log of them."""
    count = options.scaled(20_000)
    heading(f"Redis: {count:,} values of {PAGE:,} bytes")
    storage = _store("pages")
    with redis.Redis.from_url(URL) as engine:
        _fill(engine, "pages", count, PAGE)
        _take_in(engine, "pages", count)
        _timed(engine, "comparing all of them again", storage._tracker._sweeper.sweep, count)
        _timed(engine, "a snapshot of all", storage.snapshot, count)

        def write() -> None:
            for number in range(count):
                storage.write(f"targets:agent-{number:08}:config", b"%d" % number * (PAGE // 8))

        _timed(engine, "as many writes, which trim the log", write, count)
        _timed(engine, "the history", storage.history, 10_000)
        _timed(
            engine, "compaction of it", lambda: storage.compact(storage.revision), 10_000, runs=1
        )
        storage.close()


def _commits(options: Options) -> None:
    """What keeps the server longest from others: a script, or all that is done by EXEC."""
    heading("Redis: commits over keys that are there")
    with redis.Redis.from_url(URL) as engine:
        engine.config_set("slowlog-log-slower-than", 100)
        for count, size in ((250, VALUE_SIZE), (1000, VALUE_SIZE), (250, PAGE), (1000, PAGE)):
            storage = _store(f"commits-{count}-{size}")
            longest = []
            for number in range(options.rounds + 1):
                values = [(b"%d %d " % (number, key)).ljust(size, b".") for key in range(count)]
                engine.slowlog_reset()
                engine.config_resetstat()
                storage.commit([Write(f"k{key:04}", value) for key, value in enumerate(values)])
                found = [entry["duration"] / 1000 for entry in engine.slowlog_get(100_000)]
                # The slow log has the parts of EXEC and not the whole.
                whole = engine.info("commandstats").get("cmdstat_exec", {"usec": 0})
                longest.append(max(*found, whole["usec"] / 1000))
            storage.close()
            line(f"commits of {count:,} keys of {size:,} bytes", max(longest), "ms", BLOCKS)
        _empty(engine)


def _empty(engine: Any) -> None:
    """And wait until it is done: the server's other thread gets into the way of the first."""
    engine.flushall(asynchronous=True)
    while engine.info("memory")["lazyfree_pending_objects"]:
        time.sleep(0.1)


def _take_in(engine: Any, prefix: str, count: int) -> None:
    def take_in() -> None:
        storage = _store(prefix)
        assert len(storage.list()) == storage.revision == count
        storage.close()

    _timed(engine, "taking them in", take_in, count, between=lambda: _forget(engine, prefix))


def _forget(engine: Any, prefix: str) -> None:
    """All but the values."""
    engine.unlink(*(f"{prefix}/{name}" for name in ("entries", "log", "index", "sweeps")))
    while engine.info("memory")["lazyfree_pending_objects"]:
        time.sleep(0.1)


def _store(prefix: str) -> Any:
    return RedisStorage(alias=prefix, url=URL, prefix=prefix, reconcile_interval=3600)


def _fill(engine: Any, prefix: str, count: int, size: int) -> None:
    for start in range(0, count, 5000):
        numbers = range(start, min(start + 5000, count))
        engine.mset(
            {
                f"{prefix}:targets:agent-{n:08}:config": (b"%d " % n).ljust(size, b".")
                for n in numbers
            }
        )


def _timed(
    engine: Any,
    name: str,
    function: Callable[[], object],
    count: int,
    goal: Goal | None = BLOCKS,
    *,
    runs: int = 2,
    between: Callable[[], object] = lambda: None,
) -> None:
    """How long it takes, and the longest time that one command of it kept the server busy.

    Of the longest in each run the shortest is what counts: what is in the work comes each time,
    and when the machine is away for a moment, as shared ones are, it does not.
    """
    rates, found = [], []
    for run in range(runs):
        if run:
            between()
        engine.config_set("slowlog-log-slower-than", 500)
        engine.config_set("slowlog-max-len", 100_000)
        engine.slowlog_reset()
        start = time.perf_counter()
        function()
        rates.append(count / (time.perf_counter() - start))
        found.append(_slow(engine))
    longest, command = min(max(slow, default=(0.5, "all of them")) for slow in found)
    over = " and ".join(str(sum(time > BLOCKS.bound for time, _ in slow)) for slow in found)
    line(f"{name}: keys", max(rates), "/s")
    line(f"{name}: longest command", longest, "ms", goal, f"{command}; {over} over 5 ms")


def _slow(engine: Any) -> list[tuple[float, str]]:
    return [
        (found["duration"] / 1000, found["command"].split()[0].decode())
        for found in engine.slowlog_get(100_000)
        # Reading the log of the step before is no part of it.
        if not found["command"].startswith(b"SLOWLOG")
    ]
