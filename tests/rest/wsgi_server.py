"""The application under wsgiref, the WSGI server of the standard library."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from django.core.wsgi import get_wsgi_application


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Do not log requests."""


@contextmanager
def wsgi_server(application: Callable[..., Any] | None = None) -> Iterator[int]:
    """Serve in a thread until the block ends, and return the port."""
    server = make_server(
        "127.0.0.1", 0, application or get_wsgi_application(), handler_class=_QuietHandler
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ends_streams(application: Callable[..., Any]) -> Callable[..., Any]:
    """Decode chunked bodies and declare it, as production servers do."""

    def around(environ: dict[str, Any], start_response: Any) -> Any:
        if environ.get("HTTP_TRANSFER_ENCODING") == "chunked":
            environ["wsgi.input"] = io.BytesIO(_joined(environ["wsgi.input"]))
            environ["wsgi.input_terminated"] = True
        return application(environ, start_response)

    return around


def _joined(stream: Any) -> bytes:
    body = b""
    while size := int(stream.readline(), 16):
        body += stream.read(size)
        stream.readline()
    stream.readline()
    return body
