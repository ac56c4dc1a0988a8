"""A proxy between a client and PostgreSQL, that does what networks and poolers do."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Self

_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
NOTIFICATION = b"A"


class Proxy:
    """Passes on what comes, and counts what was asked."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        #: notifications do not come through, as behind a pooler in transaction mode
        self.swallows_notifications = False
        #: the client is cut off when the answer to a message with this in it comes
        self.cuts_answer_to: bytes | None = None
        #: how often the client has waited for an answer
        self.round_trips = 0
        self.cut = 0
        #: each message with a LISTEN in it
        self.listens: list[bytes] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                _Pair(self, client, socket.create_connection(self._server)).start()


class _Pair:
    """A connection of a client, and the one to the server behind it."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._doomed = self._asked = False

    def start(self) -> None:
        for run in (self._from_client, self._from_server):
            threading.Thread(target=self._until_closed, args=(run,), daemon=True).start()

    def _until_closed(self, run: object) -> None:
        with contextlib.suppress(OSError):
            run()  # type: ignore[operator]
        for end in (self._client, self._server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _from_client(self) -> None:
        while data := self._client.recv(1 << 16):
            if data == _SSL_REQUEST:
                # Here, so that the server says nothing that is no message.
                self._client.sendall(b"N")
                continue
            wanted = self._proxy.cuts_answer_to
            if wanted is not None and wanted in data:
                self._doomed = True
            self._asked = True
            if b"LISTEN" in data:
                self._proxy.listens.append(data)
            self._server.sendall(data)

    def _from_server(self) -> None:
        for message in _messages(self._server):
            if self._doomed:
                self._proxy.cut += 1
                self._proxy.cuts_answer_to = None
                return
            if self._asked:
                self._asked = False
                self._proxy.round_trips += 1
            if message[:1] == NOTIFICATION and self._proxy.swallows_notifications:
                continue
            self._client.sendall(message)


def _messages(server: socket.socket) -> Iterator[bytes]:
    """Whole messages: a letter, and a length that counts itself."""
    waiting = b""
    while data := server.recv(1 << 16):
        waiting += data
        while len(waiting) >= 5 and len(waiting) > (size := int.from_bytes(waiting[1:5], "big")):
            yield waiting[: size + 1]
            waiting = waiting[size + 1 :]
