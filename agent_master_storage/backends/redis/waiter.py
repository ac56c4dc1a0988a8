"""Waiting for the log: XREAD BLOCK on a connection of the tail's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import redis

from ...exceptions import StorageUnavailable
from .client import Server
from .errors import unavailable

#: seconds after which to look anyway: at what appends nothing, such as a new epoch
LOOK_INTERVAL = 1.0
#: seconds between two looks at the wake-up, which no socket carries
WAKE_INTERVAL = 0.05
#: seconds by which the answer may be late before the connection counts as lost
GRACE = 5.0


class StreamWaiter:
    """Returns when the log holds something after the tail's position."""

    def __init__(
        self,
        server: Server,
        log: bytes,
        wake: threading.Event,
        position: Callable[[], int],
        on_loss: Callable[[], None],
        on_close: Callable[[], None],
    ) -> None:
        self._server = server
        self._log = log
        self._wake = wake
        self._position = position
        self._on_loss = on_loss
        self._on_close = on_close
        self._connection: redis.Connection | None = None
        # After which revision it was asked, and when to give up on the answer.
        self._asked: int | None = None
        self._deadline = 0.0
        # After which revision the log was said to hold something.
        self._told: int | None = None

    def arm(self) -> None:
        """See Waiter.arm(): the log keeps what comes, there is nothing to arm."""

    def wait(self) -> None:
        """See Waiter.wait()."""
        try:
            self._wait()
        except (redis.RedisError, OSError) as error:
            self._drop()
            self._on_loss()
            raise unavailable(self._server.place, error) from error

    def _wait(self) -> None:
        position = self._position()
        if position == self._told:
            # Nothing that counts: what a large commit has appended ahead, see begin.lua.
            self._wake.wait(WAKE_INTERVAL)
        connection = self._ask(position)
        while not self._wake.is_set():
            if connection.can_read(WAKE_INTERVAL):
                self._asked = None
                self._told = position if connection.read_response() else None
                return
            if time.monotonic() > self._deadline:
                self._drop()
                self._on_loss()
                raise StorageUnavailable(f"Redis at {self._server.place} has become silent")

    def _ask(self, position: int) -> redis.Connection:
        if self._asked is not None and position < self._asked:
            # Set back: what was asked for may not come for long.
            self._drop()
        if self._connection is None:
            self._connection = self._server.connect(protocol=2)
        if self._asked is None:
            last = b"%d-18446744073709551615" % position
            block = int(LOOK_INTERVAL * 1000)
            self._connection.send_command(
                "XREAD", "COUNT", 1, "BLOCK", block, "STREAMS", self._log, last
            )
            self._asked, self._deadline = position, time.monotonic() + LOOK_INTERVAL + GRACE
        return self._connection

    def _drop(self) -> None:
        connection, self._connection, self._asked = self._connection, None, None
        if connection is not None:
            connection.disconnect()

    def close(self) -> None:
        """See Waiter.close()."""
        self._drop()
        self._on_close()
