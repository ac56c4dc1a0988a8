"""Changes to many sockets: this app's consumer against the same broadcast by group_send.

A round starts a server and a process of sockets for the one, then for the other. Each is sent

- a burst of changes at once,
- as many changes with at most WINDOW of them on their way: the highest rate at which a layer
  with its default capacity of 100 messages loses nothing,
- 20 changes a second, for the delays.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from statistics import median

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from agent_master_storage import storages

from .accounts import token
from .asgi import GROUP, PEER_LAYER
from .figures import Goal, heading, line
from .marks import paced, value
from .options import Options
from .processes import Receiver, Report, Server, receiver, server

SOCKETS = (200, 1000)
ALIAS = "default"
KEY = "targets:agent:config"
WINDOW = 20
RATE = 20

#: in a frame like the app's own, so that both send about the same bytes
PEER_FRAME = (
    '{{"type":"changes","id":"a","revision":1,"changes":[{{"type":"write","key":"{key}",'
    '"value":"{value}","encoding":"utf-8","revision":1,"previous_revision":1,'
    '"at":"2026-01-01T00:00:00.000000Z","actor":""}}]}}'
)

Send = Callable[[int], object]

_numbers = count()


@dataclass(frozen=True, kw_only=True)
class Phase:
    """What one way of sending came to."""

    report: Report
    seconds: float
    #: of the server's processor
    cpu: float

    @property
    def per_second(self) -> float:
        return self.report.delivered / self.seconds

    @property
    def microseconds(self) -> float:
        """Of the server's processor, for each delivery."""
        return self.cpu / max(1, self.report.delivered) * 1e6


@dataclass(frozen=True, kw_only=True)
class Round:
    """One server's life."""

    burst: Phase
    window: Phase
    paced: Phase


def run(options: Options) -> None:
    """Measure with few and with many sockets."""
    for sockets in SOCKETS:
        heading(f"Fan-out to {sockets:,} sockets")
        ours, theirs = [], []
        for _ in range(1 if options.quick else 3):
            ours.append(_round(f"/ws/storage/{ALIAS}/", sockets, _write, options))
            theirs.append(_round("/group", sockets, _group_send(), options))
        _print(ours, theirs, sockets)


def _round(path: str, sockets: int, send: Send, options: Options) -> Round:
    changes = options.scaled(400)
    with server() as running, receiver("sockets", running.port, path, token(), sockets) as counter:
        _burst(running, counter, send, 20)
        return Round(
            window=_windowed(running, counter, send, changes),
            paced=_paced(running, counter, send, RATE * options.scaled(16)),
            burst=_burst(running, counter, send, changes),
        )


# Ways of sending


@contextmanager
def _phase(running: Server, counter: Receiver, numbers: range) -> Iterator[list[Phase]]:
    """Measures the block; its result is put into the list when the block has ended."""
    result: list[Phase] = []
    cpu, start = running.cpu(), time.monotonic()
    yield result
    used = running.cpu() - cpu
    report = counter.report(numbers)
    result.append(Phase(report=report, seconds=report.until - start, cpu=used))


def _burst(running: Server, counter: Receiver, send: Send, changes: int) -> Phase:
    numbers = _take(changes)
    with _phase(running, counter, numbers) as result:
        for number in numbers:
            send(number)
        counter.wait_for(numbers)
    return result[0]


def _windowed(running: Server, counter: Receiver, send: Send, changes: int) -> Phase:
    numbers = _take(changes)
    with _phase(running, counter, numbers) as result:
        for index, number in enumerate(numbers):
            if index >= WINDOW:
                counter.completed(timeout=10)
            send(number)
        counter.wait_for(range(numbers.stop - WINDOW, numbers.stop))
    return result[0]


def _paced(running: Server, counter: Receiver, send: Send, changes: int) -> Phase:
    numbers = _take(changes)
    with _phase(running, counter, numbers) as result:
        paced(numbers, RATE, send)
        counter.wait_for(numbers)
    return result[0]


def _take(changes: int) -> range:
    first = next(_numbers)
    for _ in range(changes - 1):
        next(_numbers)
    return range(first, first + changes)


def _write(number: int) -> None:
    storages[ALIAS].write(KEY, value(number))


def _group_send() -> Send:
    tell = async_to_sync(get_channel_layer(PEER_LAYER).group_send)

    def send(number: int) -> None:
        text = PEER_FRAME.format(key=KEY, value=value(number).decode())
        tell(GROUP, {"type": "tell", "text": text})

    return send


# What is printed


def _print(ours: list[Round], theirs: list[Round], sockets: int) -> None:
    many = sockets >= 1000
    burst = median(
        a.burst.per_second / b.window.per_second for a, b in zip(ours, theirs, strict=True)
    )
    window = median(
        a.window.per_second / b.window.per_second for a, b in zip(ours, theirs, strict=True)
    )
    for name, rounds in (("storage", ours), ("group_send", theirs)):
        _print_throughput(name, rounds)
    line("storage's burst to group_send's window", burst, "x", Goal(bound=10) if many else None)
    line("storage's window to group_send's window", window, "x")
    for name, rounds in (("storage", ours), ("group_send", theirs)):
        _print_paced(name, rounds, many and name == "storage")
    cpu = median(
        b.paced.microseconds / a.paced.microseconds for a, b in zip(ours, theirs, strict=True)
    )
    line("server CPU a delivery, group_send to storage", cpu, "x")


def _print_throughput(name: str, rounds: list[Round]) -> None:
    for way in ("burst", "window"):
        phases: list[Phase] = [getattr(each, way) for each in rounds]
        line(f"{name}, {way}: deliveries", median(p.per_second for p in phases), "/s")
        _print_lost(f"{name}, {way}", phases, name == "storage")


def _print_lost(name: str, phases: list[Phase], promised: bool) -> None:
    lost = sum(phase.report.lost for phase in phases)
    share = lost / (lost + sum(phase.report.delivered for phase in phases)) * 100
    goal = Goal(bound=0, at_least=False) if promised else None
    line(f"{name}: lost", share, "%", goal)


def _print_paced(name: str, rounds: list[Round], has_goal: bool) -> None:
    phases = [each.paced for each in rounds]
    title = f"{name}, {RATE} changes a second"
    goal = Goal(bound=100, at_least=False) if has_goal else None
    line(f"{title}: p50", median(p.report.p50 for p in phases) * 1000, "ms")
    line(f"{title}: p99", median(p.report.p99 for p in phases) * 1000, "ms", goal)
    _print_lost(title, phases, name == "storage")
    line(f"{title}: server CPU a delivery", median(p.microseconds for p in phases), "us")
