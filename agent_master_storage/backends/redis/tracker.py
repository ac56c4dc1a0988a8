"""Noticing what others write: the Go engine, redis-cli, anything that knows nothing of revisions.

A signal (``signals.py``) says which names may have changed; a script compares their values with
what is remembered and makes changes of the differences. It is atomic, so that each is made once
however many processes hear of it, and our own writes make no difference. A sweep compares every
key: when a signal begins, because nobody listened before, and at intervals.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import redis

from ...exceptions import StorageError
from ...watch.tail import BACKOFF
from .errors import unavailable
from .layout import Names
from .reading import KEYS_AT_ONCE
from .server import Ask, Server
from .signals import Heard, Signal, open_signal
from .steps import Plans

logger = logging.getLogger("agent_master_storage.redis")

#: seconds after the last list, when nobody watches, until the thread ends
IDLE = 60.0
#: seconds in which names are collected, so that a busy store is not compared write by write
COLLECT = 0.002
#: share of the time that a sweep in the background may take
DUTY = 0.25

_trackers: weakref.WeakSet[Tracker] = weakref.WeakSet()


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
        self._interval = interval
        self._on_flush = on_flush
        self._told: set[bytes] = set()
        self._reset()
        _trackers.add(self)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._signal: Signal | None = None
        self._holders = 0
        self._used = 0.0
        self._closing = False
        self._next_sweep = 0.0
        # Wakes the thread, which waits for a socket.
        self._bell: tuple[socket.socket, socket.socket] | None = None

    # From any thread

    def freshen(self) -> None:
        """Return when all that others wrote before this call is in the index and the log."""
        with self._lock:
            self._used = time.monotonic()
            self._start()
            self._freshen()

    def _freshen(self) -> None:
        with self._dropping_on_error():
            signal = self._signal or self._begin()
            if signal.complete:
                self._take(signal.read(barrier=True))
            elif time.monotonic() >= self._next_sweep:
                self._sweep_all()

    def freshen_soon(self) -> None:
        """As freshen() where that takes no longer than a question: for those who can't wait."""
        if self._signal is not None and self._lock.acquire(blocking=False):
            try:
                self._freshen()
            finally:
                self._lock.release()

    def hold(self) -> Callable[[], None]:
        """Listen until the function returned is called: somebody watches."""
        with self._lock:
            self._holders += 1
            self._start()
        return self._let_go

    def _let_go(self) -> None:
        with self._lock:
            self._holders = max(0, self._holders - 1)

    def close(self) -> None:
        """End the thread and its connection."""
        with self._lock:
            self._closing = True
            thread = self._thread
            self._drop()
            if self._bell is not None:
                self._bell[1].send(b"x")
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=2)

    # The signal; the lock is held

    def _begin(self) -> Signal:
        """Listen, and then compare everything: nobody has listened before."""
        self._signal = open_signal(self._server, self._names)
        self._sweep_all()
        return self._signal

    def _sweep_all(self) -> None:
        began = time.monotonic()
        for _ in self._sweep():
            pass
        self._plan_next(began)

    def _take(self, heard: Heard) -> None:
        """Compare the names; where it was flushed, what is left is a new store."""
        if heard.all:
            self._server.run(self._plans.state())
            self._on_flush()
            self._sweep_all()
        self._compare(heard.names)

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

    # Comparing

    def _sweep(self) -> Iterator[None]:
        """Compare every key, a slice at each step: those remembered, then those that are not."""
        state = self._server.run(self._plans.state())
        low = b"-"
        while True:
            limit = (b"LIMIT", 0, KEYS_AT_ONCE)
            keys = self._server.ask(Ask((b"ZRANGEBYLEX", self._names.index, low, b"+", *limit)))
            yield from self._slices(keys, only_new=False)
            if len(keys) < KEYS_AT_ONCE:
                break
            low = b"(" + keys[-1]
        cursor: bytes | int = 0
        while True:
            scan = ("SCAN", cursor, "MATCH", self._names.pattern, "COUNT", KEYS_AT_ONCE // 2)
            cursor, names = self._server.ask(Ask(scan))
            yield from self._slices(self._keys_of(names), only_new=True)
            if int(cursor) == 0:
                break
        self._server.run(self._plans.adopting(done_in=state.epoch))

    def _slices(self, keys: list[bytes], only_new: bool) -> Iterator[None]:
        for start in range(0, len(keys), 250):
            self._note_wrong(
                self._server.run(self._plans.compare(keys[start : start + 250], only_new))
            )
            yield

    def _compare(self, names: set[bytes]) -> None:
        keys = self._keys_of(names)
        if keys:
            self._note_wrong(self._server.run(self._plans.compare(keys)))

    def _keys_of(self, names: set[bytes] | list[bytes]) -> list[bytes]:
        keys = []
        for name in names:
            if self._names.key(name) is None:
                self._tell_once(name, "is no key by our rules")
            else:
                keys.append(name[len(self._names.values) :])
        return keys

    def _note_wrong(self, keys: list[bytes]) -> None:
        for key in keys:
            self._tell_once(self._names.values + key, "holds no string")

    def _tell_once(self, name: bytes, fault: str) -> None:
        if name not in self._told and len(self._told) < 10_000:
            self._told.add(name)
            logger.warning("%s: skipping %r in Redis, which %s", self._alias, name, fault)

    # The thread

    def _start(self) -> None:
        if self._thread is None and not self._closing:
            self._bell = socket.socketpair()
            self._thread = threading.Thread(
                target=self._run, name=f"agent-master-storage-tracker-{self._alias}", daemon=True
            )
            self._thread.start()

    def _run(self) -> None:
        failures = 0
        while self._is_wanted():
            try:
                self._listen()
                failures = 0
            except Exception as error:
                self._report(error, failures)
                failures += 1
                self._wait_for(None, min(BACKOFF[0] * 2 ** min(failures, 10), BACKOFF[1]))

    def _is_wanted(self) -> bool:
        with self._lock:
            lately = time.monotonic() - self._used < IDLE
            if not self._closing and (self._holders or lately):
                return True
            self._drop()
            # From here on, the next use starts another thread.
            self._thread = None
            if self._bell is not None:
                for end in self._bell:
                    end.close()
                self._bell = None
            return False

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
        if time.monotonic() >= self._next_sweep:
            self._sweep_slowly()
        self._wait_for(signal, min(IDLE, max(0.01, self._next_sweep - time.monotonic())))

    def _sweep_slowly(self) -> None:
        """Beside whatever the server has to do, and without keeping anybody waiting."""
        began = slice_began = time.monotonic()
        for _ in self._sweep():
            time.sleep((time.monotonic() - slice_began) * (1 / DUTY - 1))
            with self._lock, self._dropping_on_error():
                if self._closing or self._signal is None:
                    return
                self._take(self._signal.read(barrier=False))
            slice_began = time.monotonic()
        self._plan_next(began)

    def _plan_next(self, began: float) -> None:
        now = time.monotonic()
        # A sweep that takes long comes seldom.
        self._next_sweep = now + max(self._interval, 10 * (now - began))

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

    def _report(self, error: Exception, failures: int) -> None:
        if failures == 0:
            logger.warning(
                "%s: can't hear of what others write and goes on trying: %s",
                self._alias,
                error,
                exc_info=None if isinstance(error, StorageError) else error,
            )


def _forget_after_fork() -> None:
    # The threads are gone, locks may be held by nobody: the child begins with nothing.
    for tracker in list(_trackers):
        tracker._reset()


os.register_at_fork(after_in_child=_forget_after_fork)
