"""Helpers for background threads."""

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


class OnDemandThread:
    """A daemon thread that is started when there is work and ends by itself when there is none.

    The owner calls :meth:`ensure` whenever it has work. ``target`` runs in the thread. It returns
    after it has been idle for as long as the owner likes and :meth:`finish` returned True.

    Args:
        target: The body of the thread.
        name: The name of the thread, shown by debuggers.
        is_idle: Called under the lock by :meth:`finish`; whether the thread may end.
    """

    def __init__(self, target: Callable[[], None], name: str, is_idle: Callable[[], bool]) -> None:
        self._target = target
        self._name = name
        self._is_idle = is_idle
        self.reset()

    def reset(self) -> None:
        """Forget the thread, for a forked child that does not have it."""
        self.lock = threading.RLock()
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        """Whether a thread is running that will see new work."""
        return self._thread is not None

    def ensure(self) -> None:
        """Start the thread unless it is running.

        Raises:
            RuntimeError: If no thread can be started, for example at interpreter exit.
        """
        if self._thread is not None:
            return
        with self.lock:
            if self._thread is None:
                thread = threading.Thread(target=self._target, name=self._name, daemon=True)
                # Assigned only after a start that succeeded, so that the next caller tries again.
                thread.start()
                self._thread = thread

    def finish(self) -> bool:
        """Return whether the thread must end now; called by the thread when it is out of work.

        After it has returned True, the next :meth:`ensure` starts another thread.
        """
        with self.lock:
            if not self._is_idle():
                return False
            self._thread = None
            return True

    def join(self, timeout: float) -> None:
        """Wait until the thread ends, unless the caller is the thread itself."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
