"""Hearing of SIGTERM in time.

A server that stops gracefully waits for its responses, and a stream never ends by itself. No
ASGI message tells the application beforehand, so the signal is heard here: the handlers that
the server has set are called all the same.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_callbacks: dict[object, Callable[[], None]] = {}
_previous: dict[int, Any] = {}


def register(callback: Callable[[], None]) -> Callable[[], None]:
    """Have ``callback`` called when the process is asked to end; returns what undoes it.

    It is called in the main thread, between two bytecodes: let it set a flag or schedule
    something in a loop, no more.
    """
    token = object()
    _callbacks[token] = callback
    _install()
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
    for callback in list(_callbacks.values()):
        callback()
    previous = _previous.get(number)
    if callable(previous):
        previous(number, frame)
    elif previous == signal.SIG_DFL:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
