"""Calls on a thread of their own, for callers on an event loop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def run_in_thread(function: Callable[[], T], release: Callable[[], None] | None) -> T:
    """Call ``function`` and then ``release`` in a new thread, and return the result.

    For callers on an event loop's thread, where Django allows no query.

    Args:
        function: What to call.
        release: Closes what the thread has opened. If it is None, ``function`` does no I/O and is
            called directly.
    """
    if release is None:
        return function()
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)
        finally:
            release()

    threading.Thread(target=run, daemon=True).start()
    return future.result()
