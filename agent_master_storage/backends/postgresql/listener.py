"""LISTEN and NOTIFY: one connection a process and database, which does both.

A notification says "look again" and carries a revision, for people who look at it. It is sent
after the commit, in a transaction of its own that does not wait for the disk: inside the
writing transaction its lock would cover the flush, and so halve what writers do. Under load
many commits share one. Whatever goes wrong here costs time, never a change: the tails poll.

``Hub`` is what the storages see; ``session.py`` is the life of one connection.
"""

from __future__ import annotations

import hashlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg

from ...forks import call_in_child
from ...watch import Waiter
from .session import PROBE_INTERVAL, Session, connect

logger = logging.getLogger("agent_master_storage.watch")

#: seconds between attempts while the server is not to be had: doubled from the first to the last
BACKOFF = (0.1, 5.0)
#: seconds between two looks at the log when no notification comes
POLL_INTERVAL = 1.0
#: seconds for which everybody stays away from a database that is to be dropped
YIELD_TIME = 10.0
#: seconds that the exit waits for notifications not yet sent
FLUSH_TIMEOUT = 1.0

_hubs: dict[str, Hub] = {}
_hubs_lock = threading.Lock()


def hub_of(using: str) -> Hub:
    """The one of this process for a database."""
    with _hubs_lock:
        if using not in _hubs:
            _hubs[using] = Hub(using)
        return _hubs[using]


def channel_of(namespace: str) -> str:
    """Where the changes of a namespace are told: a name that needs no quotes."""
    return f"agent_master_storage_{hashlib.sha256(namespace.encode()).hexdigest()[:16]}"


class Hub:
    """Wakes the tails of this process, and those of others, from a thread of its own.

    The thread runs while anybody listens, and a moment longer than something is sent.
    """

    def __init__(self, using: str) -> None:
        self.using = using
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, set[threading.Event]] = {}
        self._unsent: dict[str, int] = {}
        self._sent = threading.Event()
        self._sent.set()
        self._thread: threading.Thread | None = None
        self._session: Session | None = None
        self._ear, self._bell = socket.socketpair()
        self._rung = False
        self._closed = threading.Event()
        #: what waits is sent, but nothing more is waited for
        self.closing = False
        #: whether notifications arrive, and when that was found out; None: it is not known
        self.works: bool | None = None
        self.judged_at = 0.0
        #: whether everybody is asked to let go of the database
        self.yielding = False
        self._told = False

    def listen(self, channel: str, wake: threading.Event) -> None:
        """Set ``wake`` at each notification, and when some may have been missed."""
        with self._lock:
            if not self._listeners:
                # Who only sends need not be right about it.
                self.works = None
            self._listeners.setdefault(channel, set()).add(wake)
            self._ring()

    def ignore(self, channel: str, wake: threading.Event) -> None:
        with self._lock:
            members = self._listeners.get(channel, set())
            members.discard(wake)
            if not members:
                self._listeners.pop(channel, None)
            self._ring()

    def notify(self, channel: str, revision: int) -> None:
        """Tell the other processes; returns at once. Many in a row become one."""
        with self._lock:
            self._unsent[channel] = revision
            self._sent.clear()
            self._ring()

    def close_if_unused(self) -> None:
        """Send what waits; end the thread and its connection unless somebody listens."""
        self._sent.wait(FLUSH_TIMEOUT)
        with self._lock:
            thread = self._thread
            if self._listeners or thread is None:
                return
            self.closing = True
            self._closed.set()
            self._ring()
        if thread is not threading.current_thread():
            thread.join(timeout=2)

    def _ring(self) -> None:
        """Have the thread look; the lock is held."""
        if self._thread is None:
            if not self._listeners and not self._unsent:
                return
            self.closing = False
            self._closed.clear()
            thread = threading.Thread(
                target=self._run, name=f"agent-master-storage-notify-{self.using}", daemon=True
            )
            try:
                thread.start()
            except RuntimeError as error:
                # At the exit, or short of threads: what was committed is, whoever hears of it.
                logger.warning("%s: no notifications, polling goes on: %s", self.using, error)
                self._sent.set()
                return
            self._thread = thread
        if not self._rung:
            self._rung = True
            self._bell.send(b"\0")

    # What the session asks and tells, in the thread

    @property
    def ear(self) -> socket.socket:
        """Can be read from when there is something to do."""
        return self._ear

    def look(self) -> tuple[set[str], dict[str, int]]:
        """The channels that are listened to, and what is to be sent."""
        with self._lock:
            if self._rung:
                self._rung = False
                self._ear.recv(16)
            unsent, self._unsent = self._unsent, {}
            return set(self._listeners), unsent

    def sent(self) -> None:
        with self._lock:
            if not self._unsent:
                self._sent.set()

    def wake(self, channel: str | None = None) -> None:
        """The listeners of a channel, or all."""
        with self._lock:
            channels = self._listeners if channel is None else (channel,)
            for name in list(channels):
                for event in self._listeners.get(name, ()):
                    event.set()

    def judge(self, works: bool) -> None:
        """Whether a probe came back."""
        self.judged_at = time.monotonic()
        if works != self.works:
            self.works = works
            # They wait in another way from now on.
            self.wake()
        if not works and not self._told:
            self._told = True
            logger.warning(
                "%s: notifications do not arrive (LISTEN through a pooler?), polling goes on",
                self.using,
            )

    # The thread

    def _run(self) -> None:
        failures = 0
        while not self._finished():
            began = time.monotonic()
            if began - self.judged_at > PROBE_INTERVAL:
                self.works = None
            try:
                with connect(self.using) as driver:
                    self._session = Session(self, driver)
                    self._session.serve()
            except Exception as error:
                if time.monotonic() - began > BACKOFF[1]:
                    failures = 0
                self._report(error, failures)
                failures += 1
                self.works = None
            self._stay_away(failures)

    def _finished(self) -> bool:
        with self._lock:
            if self._listeners or (self._unsent and not self.closing):
                return False
            self._unsent.clear()
            self._sent.set()
            self._thread = self._session = None
            return True

    def _stay_away(self, failures: int) -> None:
        """Before the next connection; everybody polls meanwhile."""
        self.wake()
        if self.yielding:
            self._closed.wait(YIELD_TIME)
            self.yielding, self.works = False, None
        elif failures:
            self._closed.wait(min(BACKOFF[0] * 2 ** min(failures, 10), BACKOFF[1]))

    def _report(self, error: Exception, failures: int) -> None:
        if failures == 0:
            logger.warning(
                "%s: listening failed and is tried again, polling goes on: %s",
                self.using,
                str(error).strip() or repr(error),
                exc_info=None if isinstance(error, psycopg.Error) else error,
            )


class NotifyWaiter:
    """Waits for a notification, with slow polling behind; where none arrives, by ``polling``."""

    def __init__(
        self,
        hub: Hub,
        channel: str,
        wake: threading.Event,
        polling: Waiter,
        release: Callable[[], None],
    ) -> None:
        self._hub = hub
        self._channel = channel
        self._wake = wake
        self._polling = polling
        self._release = release
        hub.listen(channel, wake)

    def arm(self) -> None:
        """See Waiter.arm()."""

    def wait(self) -> None:
        """See Waiter.wait()."""
        if self._hub.yielding:
            self._release()
            self._wake.wait(YIELD_TIME)
        elif self._hub.works:
            self._wake.wait(POLL_INTERVAL)
        else:
            self._polling.wait()

    def close(self) -> None:
        """See Waiter.close()."""
        self._hub.ignore(self._channel, self._wake)
        self._polling.close()


#: of the parent: closing one here would end it there
_inherited: list[Any] = []


@call_in_child
def _forget_after_fork() -> None:
    global _hubs_lock
    _hubs_lock = threading.Lock()
    for hub in _hubs.values():
        _inherited.append((hub._session, hub._ear, hub._bell))
        hub._reset()
