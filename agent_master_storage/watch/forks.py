"""Keeps our threads out of the store while the process forks.

A lock that another thread holds at the fork, one inside SQLite or the C library, stays held in
the child for ever. So a fork waits, a moment, until none of our threads is reading. Threads of
the project are its own affair: ``logging`` in the standard library does the same for its locks.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: seconds that a fork waits; a store that answers slower than that is not waited for
PATIENCE = 1.0


class Gate:
    """Open but while somebody forks."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._forking = 0

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Around what our threads do in the store. Not to be nested."""
        with self._changed:
            self._changed.wait_for(lambda: not self._forking, 2 * PATIENCE)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._forking += 1
            self._changed.wait_for(lambda: not self._inside, PATIENCE)

    def open(self) -> None:
        with self._changed:
            self._forking -= 1
            self._changed.notify_all()


gate = Gate()
os.register_at_fork(before=gate.close, after_in_parent=gate.open, after_in_child=gate._reset)
