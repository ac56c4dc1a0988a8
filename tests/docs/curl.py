"""Running a ``curl`` command: by curl, or where it is not installed by http.client.

The second knows the options that the documents use, and refuses others.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

#: seconds for what must come
TIMEOUT = 60.0

WAYS = ("curl", "http.client") if shutil.which("curl") else ("http.client",)

Enough = Callable[[str], bool]


def run(way: str, command: str, folder: Path, enough: Enough) -> str:
    """What the command prints; an endless one (``-N``) is ended when it printed ``enough``."""
    return _by_curl(command, folder, enough) if way == "curl" else _by_hand(command, folder, enough)


def _by_curl(command: str, folder: Path, enough: Enough) -> str:
    # -s: no progress bar, which a terminal would not show beside the output either.
    command = command.replace("curl ", "exec curl -s ", 1)
    with subprocess.Popen(command, shell=True, cwd=folder, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            return _read(process.stdout, enough if " -N " in command else None)
        finally:
            process.kill()


def _by_hand(command: str, folder: Path, enough: Enough) -> str:
    options = _parser().parse_args(shlex.split(command)[1:])
    body, method = _body(options, folder), options.method
    if method is None:
        method = "HEAD" if options.head else "GET" if body is None else "POST"
        method = "PUT" if options.upload else method
    url = urlsplit(options.url if "//" in options.url else f"http://{options.url}")
    connection = http.client.HTTPConnection(url.netloc, timeout=TIMEOUT)
    try:
        connection.request(method, f"{url.path}?{url.query}", body, _headers(options))
        response = connection.getresponse()
        return _head(options, response) + _read(response, enough if options.endless else None)
    finally:
        connection.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("-u", dest="user")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-T", dest="upload")
    parser.add_argument("-d", dest="data")
    parser.add_argument("-i", dest="with_head", action="store_true")
    parser.add_argument("-I", dest="head", action="store_true")
    parser.add_argument("-N", dest="endless", action="store_true")
    parser.add_argument("url")
    return parser


def _body(options: Any, folder: Path) -> bytes | None:
    if options.upload is not None:
        return (folder / options.upload).read_bytes()
    if options.data is not None and options.data.startswith("@"):
        # As curl does it.
        return (folder / options.data[1:]).read_bytes().replace(b"\n", b"")
    return None if options.data is None else str(options.data).encode()


def _headers(options: Any) -> dict[str, str]:
    headers = {"Accept": "*/*"}
    if options.data is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    if options.user:
        headers["Authorization"] = f"Basic {base64.b64encode(options.user.encode()).decode()}"
    for header in options.headers:
        name, _, value = header.partition(":")
        headers[name] = value.strip()
    return headers


def _head(options: Any, response: http.client.HTTPResponse) -> str:
    if not (options.with_head or options.head):
        return ""
    lines = [f"HTTP/1.1 {response.status} {response.reason}"]
    lines += [f"{name}: {value}" for name, value in response.getheaders()]
    return "\n".join([*lines, "", ""])


def _read(stream: IO[bytes] | http.client.HTTPResponse, enough: Enough | None) -> str:
    """All of it, or until it is enough."""
    found, ended = bytearray(), threading.Event()

    def read() -> None:
        while chunk := stream.read1(65536):  # type: ignore[union-attr]
            found.extend(chunk)
            if enough is not None and enough(found.decode()):
                break
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    ended.wait(TIMEOUT)
    return found.decode()
