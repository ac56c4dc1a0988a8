"""Asking the store from an event loop's thread, where Django allows no query."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def outside_the_loop(function: Callable[[], T], release: Callable[[], None] | None) -> T:
    """Call ``function`` and then ``release`` in a thread, and wait for the result.

    Without ``release`` it is called here and now: it does not touch a store that must be let
    go of.
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
