"""PostgreSQLStorage: to bare psycopg on as many connections, and from process to process.

The peer is an ``INSERT .. ON CONFLICT DO UPDATE``, or a prepared SELECT, on a table with a key and
a value and nothing else; synchronous_commit is on. Rounds of the two take turns.
"""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

from django.db import connections, transaction

from agent_master_storage import Write, storages

from .figures import Goal, heading, interleaved, line, rate, ratio
from .marks import paced
from .marks import value as marked
from .options import Options
from .pg_load import ALIAS, DATABASE, KEYS, UPSERT, Threads, connect, key, tasks, value
from .processes import receiver

SELECT = "SELECT value FROM bare WHERE key = %s"
#: writes a second for the latency
RATE = 100
WATCHED = "targets:agent:config"


def run(options: Options) -> None:
    """Everything that is asked of it."""
    _fill()
    with connect() as driver:
        _one_writer(driver, options)
        _reads(driver, options)
        _long_lists(driver, options)
    _many_writers(options)
    _processes(options)
    _latency(options)
    with connect() as driver:
        _old_snapshot(driver, options)


def _fill() -> None:
    with connections[DATABASE].cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bare")
        cursor.execute("CREATE TABLE bare (key varchar(512) PRIMARY KEY, value bytea NOT NULL)")
        cursor.executemany(UPSERT, [(name, value()) for name in KEYS])
    storages[ALIAS].commit([Write(name, value()) for name in KEYS])


def _one_writer(driver: Any, options: Options) -> None:
    heading("PostgreSQLStorage: one writer")
    storage, connection = storages[ALIAS], connections[DATABASE]

    def by_django(number: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(UPSERT, (key(number), value()))

    rates = interleaved(
        {
            "adapter": lambda number: storage.write(key(number), value()),
            "Django's cursor": by_django,
            "bare": lambda number: driver.execute(UPSERT, (key(number), value())),
        },
        count=options.scaled(2000),
        rounds=options.rounds,
    )
    _report("write", rates["adapter"], rates["bare"], 0.8)
    _report("write, to Django's cursor", rates["adapter"], rates["Django's cursor"])


def _reads(driver: Any, options: Options) -> None:
    heading("PostgreSQLStorage: read by key")
    storage = storages[ALIAS]
    rates = interleaved(
        {
            "adapter": lambda number: storage.read(key(number)),
            "bare": lambda number: driver.execute(SELECT, (key(number),)).fetchone()[0],
        },
        count=options.scaled(4000),
        rounds=options.rounds,
    )
    _report("read", rates["adapter"], rates["bare"], 0.75)


def _many_writers(options: Options) -> None:
    heading("PostgreSQLStorage: many writers in one process, to bare psycopg on 16 connections")
    seconds = options.scaled(8) / 4
    ours, theirs = Threads("adapter", 16), Threads("bare", 16)
    connected: list[int] = []

    def by_threads() -> float:
        rate = ours.round(seconds)
        connected.append(_connections())
        return rate

    rates = _in_turn(
        {
            "threads": by_threads,
            "bare": lambda: theirs.round(seconds),
            "tasks": lambda: asyncio.run(tasks(32, seconds)),
        },
        options.rounds,
    )
    _report("16 threads", rates["threads"], rates["bare"], 0.9)
    line("16 threads: connections", max(connected), "", Goal(bound=4, at_least=False))
    _report("32 tasks through awrite()", rates["tasks"], rates["bare"], 1.5)


def _connections() -> int:
    with connections["postgres"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'adapter'")
        count: int = cursor.fetchone()[0]
        return count


def _processes(options: Options) -> None:
    heading("PostgreSQLStorage: 4 processes of 4 threads, to as many by bare psycopg")
    seconds = options.scaled(8) / 4
    with _four("adapter") as ours, _four("bare") as theirs:
        rates = _in_turn(
            {"adapter": lambda: ours(seconds), "bare": lambda: theirs(seconds)}, options.rounds
        )
    _report("4 processes", rates["adapter"], rates["bare"], 0.5)


@contextmanager
def _four(kind: str) -> Iterator[Callable[[float], float]]:
    """A function that has four processes write for so many seconds."""
    command = [sys.executable, "-m", "benchmarks.pg_load", kind, "4"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with ExitStack() as stack:
        started = [stack.enter_context(subprocess.Popen(command, **pipes)) for _ in range(4)]
        stack.callback(lambda: [process.kill() for process in started])
        for process in started:
            assert process.stdout.readline() == "ready\n"

        def go(seconds: float) -> float:
            for process in started:
                process.stdin.write(f"{seconds}\n")
                process.stdin.flush()
            return sum(float(process.stdout.readline()) for process in started)

        yield go


def _in_turn(candidates: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """What each says, in each round; the first round is thrown away."""
    rates: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds + 1):
        for name, measure in candidates.items():
            measured = measure()
            if number:
                rates[name].append(measured)
    return rates


def _long_lists(driver: Any, options: Options) -> None:
    heading("PostgreSQLStorage: list() of 100 keys among 1,000 and among 100,000")
    storage = storages[ALIAS]
    wanted = "list:050:"
    count = options.scaled(4000)

    def listed(number: int) -> None:
        assert len(storage.list(wanted)) == 100

    # Each beside a statement that costs the same however many keys there are.
    candidates = {"list": listed, "bare": lambda number: driver.execute("SELECT 1").fetchone()}
    ratios = {}
    for groups in (10, 1000):
        _write_groups(groups, wanted)
        rates = interleaved(candidates, count=count, rounds=options.rounds)
        ratios[groups] = ratio(rates["list"], rates["bare"])
    slower = ratios[10] / ratios[1000]
    line("list: cost among 100,000 to among 1,000", slower, "x", Goal(bound=1.5, at_least=False))


def _write_groups(groups: int, wanted: str) -> None:
    """So many groups of 100 keys and the wanted one, which is written the first time alone."""
    storage = storages[ALIAS]
    names = {wanted, *(f"list:{number:03}:" for number in range(groups - 1))}
    there = {key[: len(wanted)] for key in storage.list("list:")}
    with transaction.atomic(DATABASE):
        for name in sorted(names - there):
            storage.commit([Write(f"{name}{number:02}", value()) for number in range(100)])
    with connections[DATABASE].cursor() as cursor:
        cursor.execute("VACUUM ANALYZE agent_master_storage_entry")


def _latency(options: Options) -> None:
    heading(f"PostgreSQLStorage: write() to a handler in another process, {RATE} writes a second")
    storage = storages[ALIAS]
    with receiver("handler", ALIAS, WATCHED) as handler:

        def measure(name: str, numbers: range, rate: float, goals: Sequence[Goal | None]) -> None:
            paced(numbers, rate, lambda number: storage.write(WATCHED, marked(number)))
            handler.wait_for(numbers)
            report = handler.report(numbers)
            line(f"{name}, p50", report.p50 * 1000, "ms", goals[0])
            line(f"{name}, p99", report.p99 * 1000, "ms", goals[1])
            line(f"{name}, lost", report.lost, "", Goal(bound=0, at_least=False))

        paced(range(RATE), RATE, lambda number: storage.write(WATCHED, marked(number)))
        numbers = range(RATE, RATE * (1 + options.scaled(20)))
        goals = (Goal(bound=3, at_least=False), Goal(bound=15, at_least=False))
        measure("write() to handler", numbers, RATE, goals)
        # Polling comes once a second: a missed wake-up would show.
        numbers = range(numbers.stop, numbers.stop + options.scaled(8000))
        measure("the same as fast as can be", numbers, 1e9, (None, Goal(bound=100, at_least=False)))


def _old_snapshot(driver: Any, options: Options) -> None:
    """Why the revision is no row that each write updates."""
    heading("PostgreSQLStorage: one writer while another transaction holds an old snapshot")
    driver.execute("CREATE TABLE counter AS SELECT 1 AS id, 0::bigint AS number")
    driver.execute("ALTER TABLE counter ADD PRIMARY KEY (id)")
    storage, count, keys = storages[ALIAS], options.scaled(20_000), itertools.count()
    next_revision = "UPDATE counter SET number = number + 1 WHERE id = 1"
    candidates: dict[str, Callable[[int], object]] = {
        # Other keys each time: the versions of one pile up in any table.
        "adapter": lambda number: storage.write(f"under:{next(keys)}", value()),
        "a counter's row": lambda number: driver.execute(next_revision),
    }
    rounds: dict[str, Any] = {"count": count // 40, "rounds": options.rounds}
    before = interleaved(candidates, **rounds)
    with connect() as reader, reader.transaction():
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT count(*) FROM bare")
        for function in candidates.values():
            rate(function, count)
        after = interleaved(candidates, **rounds)
    for name in candidates:
        slower = median(after[name]) / median(before[name])
        line(f"{name}: after {count:,} writes under it, to before", slower, "x")


def _report(
    name: str, ours: Sequence[float], theirs: Sequence[float], goal: float | None = None
) -> None:
    line(f"{name}: adapter", sorted(ours)[len(ours) // 2], "/s")
    line(f"{name}: ratio", ratio(ours, theirs), "x", None if goal is None else Goal(bound=goal))
