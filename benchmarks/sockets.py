"""A process that holds many websockets: ``python -m benchmarks.sockets PORT PATH TOKEN COUNT``.

It speaks just as much of the protocol as the measuring needs, because a whole client would
cost more than the server that is measured.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys

from .arrivals import Arrivals, now, say
from .marks import find

WATCH = b'{"op":"watch","id":"a","prefix":""}'
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
#: handshakes at a time
CONNECTING = 50


def frame(opcode: int, payload: bytes) -> bytes:
    """A short frame of a client; a mask of zeros leaves the payload as it is."""
    return bytes((0x80 | opcode, 0x80 | len(payload))) + bytes(4) + payload


class Socket(asyncio.Protocol):
    """One websocket, which counts the marks in what it gets."""

    def __init__(self, arrivals: Arrivals, request: bytes, watches: bool) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrivals = arrivals
        self._request = request
        self._watches = watches
        self._open = False
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        if not self._open:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            self._opened(head)
        start = 0
        while (end_of := _frame_end(data, start)) is not None:
            self._got(data[start] & 0x0F, data[end_of[0] : end_of[1]])
            start = end_of[1]
        self._rest = data[start:]

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(error or ConnectionError("closed by the server"))

    def _opened(self, head: bytes) -> None:
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionError(head.decode())
        self._open = True
        if self._watches:
            self._transport.write(frame(TEXT, WATCH))
        else:
            self.ready.set_result(None)

    def _got(self, opcode: int, payload: bytes) -> None:
        at = now()
        for number, stamp in find(payload):
            self._arrivals.add(int(number), float(stamp), at)
        if opcode == PING:
            self._transport.write(frame(PONG, payload))
        elif opcode == CLOSE:
            raise ConnectionError(f"the server closed: {payload!r}")
        elif not self.ready.done() and b'"watching"' in payload:
            self.ready.set_result(None)


def _frame_end(data: bytes, start: int) -> tuple[int, int] | None:
    """Where the payload of the frame at ``start`` begins and ends; None: not all there."""
    if len(data) < start + 2:
        return None
    length, begin = data[start + 1], start + 2
    if length >= 126:
        width = 2 if length == 126 else 8
        length = int.from_bytes(data[begin : begin + width], "big")
        begin += width
    return (begin, begin + length) if begin + length <= len(data) else None


async def main(port: str, path: str, token: str, count: str) -> None:
    arrivals = Arrivals(int(count))
    request = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Authorization: Token {token}\r\n\r\n"
    ).encode()
    loop = asyncio.get_running_loop()
    gate = asyncio.Semaphore(CONNECTING)

    async def connect() -> Socket:
        async with gate:
            _, socket = await loop.create_connection(
                lambda: Socket(arrivals, request, watches="/storage/" in path),
                "127.0.0.1",
                int(port),
            )
            await socket.ready
            return socket

    sockets = await asyncio.gather(*(connect() for _ in range(arrivals.sockets)))
    say("ready")
    await _answer_questions(arrivals)
    del sockets


async def _answer_questions(arrivals: Arrivals) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        arrivals.answer(line.decode())
    # Without goodbyes: a thousand closing handshakes are nothing to wait for.
    os._exit(0)


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(main(*sys.argv[1:]))
