"""Noticing what others write: the Go engine, redis-cli, anything that knows nothing of revisions.

A signal (``signals.py``) says which names may have changed; a script compares their values with
what is remembered and makes changes of the differences. It is atomic, so that each is made once
however many processes hear of it, and our own writes make no difference. A sweep compares every
key: when a signal begins, because nobody listened before, and at intervals.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator

import redis

from ...exceptions import StorageError
from ...forks import reset_in_child
from .client import Server
from .errors import unavailable
from .reconcile import Sweeper
from .schema import Names
from .signals import Heard, Signal, open_signal
from .steps import Plans

logger = logging.getLogger("agent_master_storage.redis")

#: seconds after the last list, when nobody watches, until the thread ends
IDLE = 60.0
#: seconds in which names are collected, so that a busy store is not compared write by write
COLLECT = 0.002
#: seconds between attempts to listen: at first, doubled for each more, and at most
BACKOFF = (0.05, 1.0)
#: share of the time that a sweep in the background may take
DUTY = 0.25


class Tracker:
    """Keeps the index and the log of one storage up to what others wrote, in this process.

    A thread listens while anybody watches or has lately listed.
    """

    def __init__(
        self,
        alias: str,
        server: Server,
        plans: Plans,
        interval: float,
        on_flush: Callable[[], None],
    ) -> None:
        self._alias = alias
        self._server = server
        self._plans = plans
        self._names: Names = plans.names
        self._on_flush = on_flush
        self._sweeper = Sweeper(alias, server, plans, interval, lambda: self._closing)
        self.reset_after_fork()
        reset_in_child(self)

    def reset_after_fork(self) -> None:
        # The signal, and comparing, which may take long; taken before the other.
        self._lock = threading.Lock()
        self._signal: Signal | None = None
        # The thread, and whether it is wanted: never held for long.
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._holders = 0
        self._used = 0.0
        self._closing = False
        # More threads than one may have failed, for the tail lets go when it fails too.
        self._failures = 0
        # Wakes the thread, which waits for a socket.
        self._bell: tuple[socket.socket, socket.socket] | None = None

    # From any thread

    def freshen(self) -> None:
        """Return when all that others wrote before this call is in the index and the log."""
        with self._guard:
            self._used = time.monotonic()
            self._start()
        with self._lock:
            self._freshen()

    def _freshen(self) -> None:
        with self._dropping_on_error():
            signal = self._signal or self._begin()
            if signal.complete:
                self._take(signal.read(barrier=True))
            elif self._sweeper.due_in <= 0:
                self._sweeper.sweep(lately=True)

    def freshen_soon(self) -> None:
        """As freshen() where that takes no longer than a question: for those who can't wait."""
        if self._signal is not None and self._lock.acquire(blocking=False):
            try:
                if self._signal is not None and self._signal.complete:
                    self._freshen()
            finally:
                self._lock.release()

    def _ring(self) -> None:
        if self._bell is not None:
            with contextlib.suppress(OSError):
                self._bell[1].send(b"x")

    def hold(self) -> Callable[[], None]:
        """Listen until the function returned is called: somebody watches."""
        with self._guard:
            self._holders += 1
            self._start()
        return self._let_go

    def _let_go(self) -> None:
        with self._guard:
            self._holders = max(0, self._holders - 1)

    def close(self) -> None:
        """End the thread and its connection."""
        with self._guard:
            # Who compares everything meanwhile stops at that.
            self._closing = True
            thread = self._thread
            self._ring()
        with self._lock:
            self._drop()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=2)

    # The signal; the lock is held

    def _begin(self) -> Signal:
        """Listen, and then compare everything: nobody has listened before."""
        self._signal = open_signal(self._server, self._names)
        self._sweeper.sweep()
        if threading.current_thread() is not self._thread:
            # It may be waiting for its next attempt.
            self._ring()
        return self._signal

    def _take(self, heard: Heard) -> None:
        """Compare the names; where it was flushed, what is left is a new store."""
        if heard.all:
            self._server.run(self._plans.state())
            self._on_flush()
            self._sweeper.sweep()
        self._sweeper.compare(heard.names)

    def _drop(self) -> None:
        signal, self._signal = self._signal, None
        if signal is not None:
            with contextlib.suppress(Exception):
                signal.close()

    @contextlib.contextmanager
    def _dropping_on_error(self) -> Iterator[None]:
        """What could not be heard to the end is begun anew."""
        try:
            yield
        except (redis.RedisError, OSError) as error:
            self._drop()
            raise unavailable(self._server.place, error) from error
        except BaseException:
            self._drop()
            raise

    # The thread

    def _start(self) -> None:
        if self._thread is None:
            # Used again, if it was closed.
            self._closing = False
            self._bell = socket.socketpair()
            for end in self._bell:
                end.setblocking(False)
            self._thread = threading.Thread(
                target=self._run, name=f"agent-master-storage-tracker-{self._alias}", daemon=True
            )
            self._thread.start()

    def _run(self) -> None:
        while not self._ends():
            try:
                self._listen()
            except Exception as error:
                self._report(error)
                self._failures += 1
                self._wait_for(None, min(BACKOFF[0] * 2 ** min(self._failures, 10), BACKOFF[1]))

    def _ends(self) -> bool:
        """Whether nobody wants the thread any more; the next who does starts another."""
        if self._is_wanted():
            return False
        with self._lock:
            self._drop()
        with self._guard:
            if self._is_wanted():
                return False
            self._thread = None
            if self._bell is not None:
                for end in self._bell:
                    end.close()
                self._bell = None
        return True

    def _is_wanted(self) -> bool:
        lately = time.monotonic() - self._used < IDLE
        return not self._closing and bool(self._holders or lately)

    def _listen(self) -> None:
        """Take what was told, sweep if it is time, then wait until something is told."""
        with self._lock, self._dropping_on_error():
            if self._closing:
                return
            signal = self._signal or self._begin()
            heard = signal.read(barrier=False)
            self._take(heard)
        if heard.names:
            time.sleep(COLLECT)
        if self._sweeper.due_in <= 0:
            self._sweep_slowly()
        if self._failures:
            logger.warning("%s: hears of what others write again", self._alias)
        self._failures = 0
        self._wait_for(signal, min(IDLE, max(0.01, self._sweeper.due_in)))

    def _sweep_slowly(self) -> None:
        """Beside whatever the server has to do, and without keeping anybody waiting."""
        slice_began = time.monotonic()
        for _ in self._sweeper.sweep_slowly():
            time.sleep((time.monotonic() - slice_began) * (1 / DUTY - 1))
            with self._lock, self._dropping_on_error():
                if self._closing or self._signal is None:
                    return
                self._take(self._signal.read(barrier=False))
            slice_began = time.monotonic()

    def _wait_for(self, signal: Signal | None, seconds: float) -> None:
        bell = self._bell
        if bell is None:
            return
        poller = select.poll()
        poller.register(bell[0], select.POLLIN)
        if signal is not None:
            with contextlib.suppress(Exception):
                poller.register(signal.fileno(), select.POLLIN)
        poller.poll(seconds * 1000)
        with contextlib.suppress(BlockingIOError):
            bell[0].recv(64)

    def _report(self, error: Exception) -> None:
        if self._failures == 0 and not self._closing:
            logger.warning(
                "%s: can't hear of what others write and goes on trying: %s",
                self._alias,
                error,
                exc_info=None if isinstance(error, StorageError) else error,
            )
