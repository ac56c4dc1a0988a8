"""From ``write()`` in one process to a handler, and to a socket, in others.

The clock starts before the call, so that the commit itself is in the figures. The peer is a
``group_send`` by channels-redis to a plain consumer on the same server, between the writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.test import override_settings

from agent_master_storage import storages

from . import settings
from .accounts import token
from .asgi import GROUP, PEER_LAYER
from .figures import Goal, heading, line
from .marks import paced, value
from .options import Options
from .processes import Receiver, Report, receiver, server

KEY = "targets:agent:config"
RATE = 50
#: where the numbers of the peer's marks begin
PEER = 1_000_000


def run(options: Options) -> None:
    """Measure on SQLite, and on PostgreSQL with and without wake-ups by a layer."""
    for alias, wake_ups, title in (
        ("default", False, "SQLite"),
        ("postgres", True, "PostgreSQL, wake-ups by channels-redis"),
        ("postgres", False, "PostgreSQL, polling alone"),
    ):
        heading(f"Latency at {RATE} writes a second: {title}")
        with _wake_ups(wake_ups):
            _measure(alias, options)


def _measure(alias: str, options: Options) -> None:
    seconds = options.scaled(20)
    with (
        server() as running,
        receiver("handler", alias, KEY) as handler,
        receiver("sockets", running.port, f"/ws/storage/{alias}/", token(), 1) as socket,
        receiver("sockets", running.port, "/group", token(), 1) as group,
    ):
        _send(alias, range(RATE))
        numbers = range(RATE, RATE * (1 + seconds))
        _send(alias, numbers)
        ours = _report(socket, numbers)
        theirs = _report(group, range(PEER + numbers.start, PEER + numbers.stop))
        goals = (Goal(bound=20, at_least=False), Goal(bound=60, at_least=False))
        _print("write() to handler", _report(handler, numbers))
        _print("write() to socket", ours, goals if alias == "default" else (None, None))
        _print("group_send() to socket", theirs)
        line("write() to socket, to group_send(), p50", ours.p50 / theirs.p50, "x")


def measure_handler(alias: str, options: Options, goal: Goal) -> None:
    """From write() to a handler alone, without the peer."""
    with receiver("handler", alias, KEY) as handler:
        storage = storages[alias]
        numbers = range(RATE, RATE * (1 + options.scaled(20)))
        for part in (range(RATE), numbers):
            paced(part, RATE, lambda number: storage.write(KEY, value(number)))
        report = _report(handler, numbers)
        _print("write() to handler", report, (goal, None))


def _send(alias: str, numbers: range) -> None:
    """Writes and, in the middle between two, the peer's messages."""
    storage, layer = storages[alias], get_channel_layer(PEER_LAYER)
    tell = async_to_sync(layer.group_send)

    def send(index: int) -> None:
        number, peers_turn = divmod(index, 2)
        if peers_turn:
            tell(GROUP, {"type": "tell", "text": value(PEER + number).decode()})
        else:
            storage.write(KEY, value(number))

    paced(range(2 * numbers.start, 2 * numbers.stop), 2 * RATE, send)


def _report(counter: Receiver, numbers: range) -> Report:
    counter.wait_for(numbers)
    return counter.report(numbers)


def _print(
    name: str, report: Report, goals: tuple[Goal | None, Goal | None] = (None, None)
) -> None:
    line(f"{name}, p50", report.p50 * 1000, "ms", goals[0])
    line(f"{name}, p99", report.p99 * 1000, "ms", goals[1])
    line(f"{name}, lost", report.lost, "", Goal(bound=0, at_least=False))


@contextmanager
def _wake_ups(wanted: bool) -> Iterator[None]:
    """Give this process, and those that it starts, a layer for the storages' wake-ups."""
    if not wanted:
        yield
        return
    os.environ["BENCHMARKS_WAKE_UPS"] = "1"
    try:
        with override_settings(CHANNEL_LAYERS=settings.layers(wake_ups=True)):
            yield
    finally:
        del os.environ["BENCHMARKS_WAKE_UPS"]
