"""How the server tells at once that somebody wrote a key.

Client tracking in broadcast mode needs no configuration of the server and misses nothing while
the connection stands. Where it is refused (a proxy, an ACL), keyspace notifications are listened
to; whether these are switched on is the server's to say.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import redis

from .client import Server
from .connection import socket_of
from .schema import Names

#: classes of keyspace events that tell of SET, DEL and expiry; A is all of them
_NEEDED = ("K", "g", "$", "x")


class Heard(NamedTuple):
    """Names that may have changed; ``all``: everything may have, as by FLUSHALL."""

    names: set[bytes]
    all: bool = False


class Signal:
    """A connection that is told. ``complete``: it is told of everything."""

    complete = True

    def __init__(self, connection: redis.Connection) -> None:
        self._connection = connection

    def fileno(self) -> int:
        """For poll()."""
        return int(socket_of(self._connection).fileno())

    def read(self, barrier: bool) -> Heard:
        """What was told so far. ``barrier``: wait for all that was done before this call."""
        heard = Heard(set())
        if barrier:
            self._connection.send_command("PING")
        while barrier or self._connection.can_read(0):
            message = self._connection.read_response(push_request=True)
            if barrier and _is_pong(message):
                # What came with it is read too: no socket tells of it any more.
                barrier = False
                continue
            heard = self._add(heard, message)
        return heard

    def _add(self, heard: Heard, message: Any) -> Heard:
        raise NotImplementedError

    def close(self) -> None:
        self._connection.disconnect()


class Tracking(Signal):
    """CLIENT TRACKING ON BCAST: RESP3 pushes of the names of keys that were written."""

    @classmethod
    def open(cls, server: Server, names: Names) -> Tracking:
        connection = server.connect(protocol=3)
        try:
            # Without a handler the driver would drop the messages.
            connection._parser.set_invalidation_push_handler(lambda message: message)
            connection.send_command("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", names.values)
            connection.read_response()
        except BaseException:
            connection.disconnect()
            raise
        return cls(connection)

    def _add(self, heard: Heard, message: Any) -> Heard:
        if not isinstance(message, list) or message[0] != b"invalidate":
            return heard
        if message[1] is None:
            return Heard(heard.names, True)
        return Heard(heard.names | set(message[1]), heard.all)


class Notifications(Signal):
    """PSUBSCRIBE to keyspace events; ``complete`` only where the server says that they are on."""

    def __init__(self, connection: redis.Connection, channels: bytes, complete: bool) -> None:
        super().__init__(connection)
        self._channels = channels
        self.complete = complete

    @classmethod
    def open(cls, server: Server, names: Names) -> Notifications:
        connection = server.connect(protocol=2)
        channels = b"__keyspace@%d__:" % server.database
        try:
            complete = _are_on(connection)
            connection.send_command("PSUBSCRIBE", channels + names.pattern)
            connection.read_response()
        except BaseException:
            connection.disconnect()
            raise
        return cls(connection, channels, complete)

    def _add(self, heard: Heard, message: Any) -> Heard:
        if isinstance(message, list) and message[0] == b"pmessage":
            heard.names.add(message[2][len(self._channels) :])
        return heard


def open_signal(server: Server, names: Names) -> Signal:
    """The best there is; errors of the driver."""
    try:
        return Tracking.open(server, names)
    except (redis.ResponseError, redis.exceptions.InvalidResponse):
        return Notifications.open(server, names)


def _are_on(connection: redis.Connection) -> bool:
    connection.send_command("CONFIG", "GET", "notify-keyspace-events")
    try:
        found = connection.read_response()
    except redis.ResponseError:
        # Not allowed to ask.
        return False
    on = found[1].decode().replace("A", "g$x") if found else ""
    return all(letter in on for letter in _NEEDED)


def _is_pong(message: Any) -> bool:
    return message == b"PONG" or (isinstance(message, list) and message[0] == b"pong")
