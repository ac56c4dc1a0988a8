"""The life of one connection that listens and notifies."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
from django.db import connections
from psycopg import ClientCursor

from ...forks import gate

if TYPE_CHECKING:
    from .listener import Hub

#: seconds between two notifications of a process: those between are sent as one
INTERVAL = 0.005
#: seconds between two looks whether the connection lives, and whether somebody wants it gone
HEARTBEAT = 2.0
#: seconds after which the connection is closed when nobody listens and nothing is sent
LINGER = 2.0
#: seconds that a probe may take before notifications count as not arriving
PROBE_TIMEOUT = 2.0
#: seconds until the next probe when they did not
PROBE_INTERVAL = 60.0

# SET LOCAL: through a pooler the session is not ours.
_SEND = "BEGIN; SET LOCAL synchronous_commit TO off; {}; COMMIT"
# Whoever drops a database holds this lock while it waits, five seconds, for others to leave.
_IS_TO_BE_DROPPED = (
    "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON l.objid = d.oid"
    " WHERE l.locktype = 'object' AND l.classid = 'pg_database'::regclass"
    " AND l.mode = 'AccessExclusiveLock' AND d.datname = current_database())"
)


def connect(using: str) -> Any:
    """A psycopg connection of our own, with the parameters of Django's."""
    parameters = connections[using].get_connection_params()
    # Nothing is prepared: it must work through a pooler, and several statements be one message.
    parameters |= {"cursor_factory": ClientCursor, "prepare_threshold": None}
    with gate.inside():
        return psycopg.connect(**parameters, autocommit=True)


class Session:
    """Serves a hub until the connection breaks, or is needed no more."""

    def __init__(self, hub: Hub, driver: Any) -> None:
        self._hub = hub
        self._driver = driver
        self._listening: set[str] = set()
        self._probe: str | None = None
        driver.add_notify_handler(lambda found: self._heard(found.channel))

    def serve(self) -> None:
        """Raises the driver's error when the connection breaks."""
        idle_since = time.monotonic()
        while not self._hub.yielding:
            channels, unsent = self._hub.look()
            if self._hub.works:
                # Not before: behind a pooler it would stay on a session that others are given,
                # and they would be told of what they can't use, and never let go of it.
                self._listen(channels)
            if unsent:
                self._send(unsent)
            now = time.monotonic()
            if channels or unsent:
                idle_since = now
            elif self._hub.closing or now - idle_since > LINGER:
                return
            if unsent:
                self._rest(now + INTERVAL)
            if self._probe_is_due(now):
                self._make_probe()
            elif not self._wait(min(HEARTBEAT, LINGER), self._driver, self._hub.ear):
                self._beat()

    def _listen(self, channels: set[str]) -> None:
        for channel in channels - self._listening:
            self._driver.execute(f"LISTEN {channel}")
            # What came before would not have been told to us.
            self._hub.wake(channel)
        for channel in self._listening - channels:
            self._driver.execute(f"UNLISTEN {channel}")
        self._listening = channels

    def _send(self, unsent: dict[str, int]) -> None:
        notifications = "; ".join(
            f"NOTIFY {name}, '{revision}'" for name, revision in unsent.items()
        )
        # One round trip: statements without parameters go as one message.
        self._driver.execute(_SEND.format(notifications))
        self._hub.sent()

    def _rest(self, until: float, probe: bool = False) -> None:
        """Hear notifications and nothing else; with ``probe``, until that has come."""
        while (left := until - time.monotonic()) > 0 and (self._probe or not probe):
            self._wait(left, self._driver)

    def _wait(self, timeout: float, *sources: Any) -> bool:
        """Until one of ``sources`` has something to do. False: none had."""
        # Not select(): it takes no descriptor from 1024 on, and a server has many sockets.
        poll = select.poll()
        for source in sources:
            poll.register(source, select.POLLIN)
        ready = [descriptor for descriptor, _ in poll.poll(timeout * 1000)]
        if self._driver.fileno() in ready:
            self._take()
        return bool(ready)

    def _take(self) -> None:
        """Those that came while nothing was asked; psycopg tells of those beside an answer."""
        pgconn = self._driver.pgconn
        pgconn.consume_input()
        while found := pgconn.notifies():
            self._heard(found.relname.decode())

    def _heard(self, channel: str) -> None:
        if channel == self._probe:
            self._probe = None
        else:
            self._hub.wake(channel)

    def _beat(self) -> None:
        (wanted,) = self._driver.execute(_IS_TO_BE_DROPPED).fetchone()
        self._hub.yielding = wanted

    # Probing

    def _probe_is_due(self, now: float) -> bool:
        if self._hub.works is None:
            return True
        return not self._hub.works and now - self._hub.judged_at > PROBE_INTERVAL

    def _make_probe(self) -> None:
        """Whether a notification arrives here while the connection lies idle.

        A pooler in transaction mode takes LISTEN without a word, for a session that is another
        one's the moment after. So the notification comes from another connection.
        """
        self._probe = probe = f"agent_master_storage_{uuid4().hex[:16]}"
        self._driver.execute(f"LISTEN {probe}")
        with connect(self._hub.using) as other:
            other.execute(_SEND.format(f"NOTIFY {probe}"))
        self._rest(time.monotonic() + PROBE_TIMEOUT, probe=True)
        self._driver.execute(f"UNLISTEN {probe}")
        self._hub.judge(self._probe is None)
        self._probe = None
