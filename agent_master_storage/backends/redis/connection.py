"""A connection, and the shortest way through it."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from typing import Any

import hiredis
import redis
from redis import exceptions

#: seconds that a connection may be idle before it is asked whether it still works
HEALTH_CHECK_INTERVAL = 30

_PING = hiredis.pack_command(("PING",))
#: what the driver raises
FAULTS = (exceptions.RedisError, OSError)


class Link:
    """A connection and how to know, cheaply, that the server has not closed it.

    Its socket is used directly: what the driver does around it is for what is not done here, and
    takes a tenth of a round trip.
    """

    __slots__ = ("_connection", "_feed", "_gets", "_poll", "_receive", "_send", "_used")

    def __init__(self, connection: redis.Connection) -> None:
        self._connection = connection
        self._used = time.monotonic()
        found = socket_of(connection)
        _let_the_kernel_time(found)
        self._send, self._receive = found.sendall, found.recv
        # The driver's own is empty: all that was asked when it connected is answered.
        reader = hiredis.Reader(
            protocolError=exceptions.InvalidResponse, replyError=connection._parser.parse_error
        )
        self._feed, self._gets = reader.feed, reader.gets
        poller = select.poll()
        poller.register(found, select.POLLIN)
        self._poll = poller.poll

    def works(self) -> bool:
        """Nobody has asked anything: what is there to read is the end, or nothing that we want."""
        if self._poll(0):
            return False
        now = time.monotonic()
        if now - self._used > HEALTH_CHECK_INTERVAL:
            try:
                self.ask(_PING)
            except FAULTS:
                return False
        self._used = now
        return True

    def ask(self, packed: bytes) -> Any:
        """Errors of the driver; after one that is no answer, the connection is of no more use."""
        try:
            self._send(packed)
            answer = self._answer()
        except (TimeoutError, BlockingIOError) as error:
            raise exceptions.TimeoutError("the option timeout is over") from error
        if isinstance(answer, exceptions.RedisError):
            raise answer
        return answer

    def ask_together(self, packed: bytes, count: int) -> list[Any]:
        """See ask(): so many answers, or the first error among them."""
        try:
            self._send(packed)
            return without_errors([self._answer() for _ in range(count)])
        except (TimeoutError, BlockingIOError) as error:
            raise exceptions.TimeoutError("the option timeout is over") from error

    def _answer(self) -> Any:
        answer = self._gets()
        while answer is False:
            self._feed(self._receive(65536) or _closed())
            answer = self._gets()
        return answer

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._connection.disconnect()


def without_errors(answers: list[Any]) -> list[Any]:
    """Return them, or raise the first error among them or within the answer to EXEC."""
    for answer in (*answers, *(answers[-1] if isinstance(answers[-1], list) else ())):
        if isinstance(answer, exceptions.RedisError):
            raise answer
    return answers


def _closed() -> bytes:
    raise exceptions.ConnectionError("the server has closed the connection")


def _let_the_kernel_time(found: socket.socket) -> None:
    """Python would call poll() before it sends or receives anything. It has to, under TLS."""
    seconds = found.gettimeout()
    if seconds is not None and type(found) is socket.socket:
        interval = struct.pack("ll", int(seconds), max(1, int(seconds % 1 * 1e6)))
        found.settimeout(None)
        for direction in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            found.setsockopt(socket.SOL_SOCKET, direction, interval)


def socket_of(connection: redis.Connection) -> Any:
    """redis-py has no public way to a connection's socket, to wait for it with others."""
    return connection._sock
