"""A low-level HTTP client for running servers."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from typing import Any

from ..support.processes import Server

TIMEOUT = 30

#: of pytest-django's ``admin_user``
ADMIN = {"Authorization": "Basic " + base64.b64encode(b"admin:password").decode()}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A complete response."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)


def exchange(
    server: Server | int,
    method: str,
    path: str,
    body: bytes | Iterable[bytes] | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Send one request; an iterable body is sent chunked, without a length."""
    connection = connect(server if isinstance(server, int) else server.port)
    chunked = body is not None and not isinstance(body, bytes)
    try:
        # A server that rejects the headers may respond and close before it has read the body.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(
                method, path, body, {**ADMIN, **(headers or {})}, encode_chunked=chunked
            )
        response = connection.getresponse()
        return Answer(status=response.status, headers=response.headers, body=response.read())
    finally:
        connection.close()
