"""Process forks: which of our objects start over in a child, and when a fork may happen.

A forked child has a copy of every object but only the thread that called ``fork()``. Objects that
own threads, locks or connections therefore register with :func:`reset_in_child`. This is the only
place in the app that calls ``os.register_at_fork``.

A lock that another thread holds during the fork, for example inside SQLite or the C library, is
held in the child for ever. A fork therefore waits until none of our threads is inside
``gate.inside()``. Threads of the project are not covered; ``logging`` in the standard library
makes the same promise for its own locks only.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

F = TypeVar("F", bound=Callable[[], object])

#: seconds that a fork waits for our threads to leave the store
GATE_TIMEOUT = 1.0


class Resettable(Protocol):
    """An object that a forked child must reset."""

    def reset_after_fork(self) -> None:
        """Forget threads, locks and connections without touching those of the parent."""


_resettable: weakref.WeakSet[Resettable] = weakref.WeakSet()


_functions: list[Callable[[], object]] = []


def call_in_child(function: F) -> F:
    """Call a function of a module in every forked child; usable as a decorator."""
    _functions.append(function)
    return function


def reset_in_child(instance: Resettable) -> None:
    """Call ``instance.reset_after_fork()`` in every forked child, as long as it is alive."""
    _resettable.add(instance)


class Gate:
    """Lets our threads into the store except while the process forks."""

    def __init__(self) -> None:
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        """Open the gate: the child has none of the threads that were inside."""
        self._changed = threading.Condition()
        self._inside = 0
        self._forking = 0

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Mark that this thread uses the store. Must not be nested."""
        with self._changed:
            self._changed.wait_for(lambda: not self._forking, 2 * GATE_TIMEOUT)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Wait until no thread is inside, at most GATE_TIMEOUT, and let no other in."""
        with self._changed:
            self._forking += 1
            self._changed.wait_for(lambda: not self._inside, GATE_TIMEOUT)

    def open(self) -> None:
        """Let threads in again."""
        with self._changed:
            self._forking -= 1
            self._changed.notify_all()


gate = Gate()


def _reset_child() -> None:
    gate.reset_after_fork()
    for instance in list(_resettable):
        instance.reset_after_fork()
    for function in _functions:
        function()


os.register_at_fork(before=gate.close, after_in_parent=gate.open, after_in_child=_reset_child)
