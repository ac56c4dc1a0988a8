"""Hearing of SIGTERM in time.

A server that stops gracefully waits for its responses, and a stream never ends by itself;
others drop their sockets without a word. No ASGI message tells the application beforehand,
so the signal is heard here: the handlers that the server has set are called all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

#: seconds by which the server hears of a signal later, when there is somebody to say goodbye to
GOODBYE_TIME = 0.25
#: seconds that it waits at most until all of them have said it
GOODBYE_LIMIT = 1.0

#: seconds after a signal in which who registers is told at once; a process that is there
#: later was not ended by it
LATE = 30.0

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_callbacks: dict[object, tuple[Callable[[], None], asyncio.AbstractEventLoop | None]] = {}
_previous: dict[int, Any] = {}
#: the signals that are held back at the moment
_held: set[int] = set()
_heard_at = -math.inf


def listen() -> None:
    """Hear of signals from here on: call it first, before a visitor is even known.

    One that comes while he logs in is told to the register() after that.
    """
    _install()


def register(
    callback: Callable[[], None], loop: asyncio.AbstractEventLoop | None = None
) -> Callable[[], None]:
    """Have ``callback`` called when the process is asked to end; returns what undoes it.

    It is called in the main thread, between two bytecodes: let it set a flag or schedule
    something in a loop, no more. With ``loop``, the server hears of the signal GOODBYE_TIME
    after the last of them has been undone, but does not wait for that beyond GOODBYE_LIMIT.
    Where the process was asked before, it is called at once.
    """
    token = object()
    _callbacks[token] = callback, loop
    _install()
    if time.monotonic() - _heard_at < LATE:
        callback()
    return lambda: _callbacks.pop(token, None) and None


def _install() -> None:
    """Stand before the handlers in force; servers set theirs at any time, so look each time."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in _SIGNALS:
        current = signal.getsignal(number)
        # None: set from outside Python; ignored signals stay ignored.
        if current is not _on_signal and current not in (None, signal.SIG_IGN):
            _previous[number] = current
            signal.signal(number, _on_signal)


def _on_signal(number: int, frame: FrameType | None) -> None:
    global _heard_at
    _heard_at = time.monotonic()
    running = None
    for callback, loop in list(_callbacks.values()):
        # Whatever is wrong with one, the server must hear of the signal.
        with contextlib.suppress(Exception):
            callback()
        if loop is not None and loop.is_running():
            running = loop
    # The second time, somebody is impatient.
    if running is None or number in _held:
        _pass_on(number, frame)
    else:
        _held.add(number)
        until = time.monotonic() + GOODBYE_LIMIT
        running.call_soon_threadsafe(_await_goodbyes, running, until, number, frame)


def _await_goodbyes(
    loop: asyncio.AbstractEventLoop, until: float, number: int, frame: FrameType | None
) -> None:
    talking = any(theirs is loop for _, theirs in _callbacks.values())
    if talking and time.monotonic() < until:
        loop.call_later(GOODBYE_TIME / 10, _await_goodbyes, loop, until, number, frame)
    else:
        loop.call_later(GOODBYE_TIME, _pass_on, number, frame)


def _pass_on(number: int, frame: FrameType | None) -> None:
    _held.discard(number)
    previous = _previous.get(number)
    if callable(previous):
        previous(number, frame)
    elif previous == signal.SIG_DFL:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
