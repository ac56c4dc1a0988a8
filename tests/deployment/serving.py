"""Servers with options of their own: runserver, daphne with a larger limit on its frames."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..processes import ROOT, Server, environment
from ..servers import free_port
from .client import TIMEOUT
from .runserver_settings import FRAME_LIMIT

_APPLICATION = "tests.asgi:application"


@contextmanager
def daphne(**more: str) -> Iterator[Server]:
    limits = ["--websocket-max-message-size", str(FRAME_LIMIT)]
    limits += ["--websocket-max-frame-size", str(FRAME_LIMIT)]
    port = free_port()
    with _serve(["daphne", "-p", str(port), *limits, _APPLICATION], port, **more) as server:
        yield server


@contextmanager
def runserver(**more: str) -> Iterator[Server]:
    port = free_port()
    command = ["django", "runserver", "--noreload", f"127.0.0.1:{port}"]
    settings = "tests.deployment.runserver_settings"
    with _serve(command, port, DJANGO_SETTINGS_MODULE=settings, **more) as server:
        yield server


@contextmanager
def _serve(arguments: list[str], port: int, **more: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="ams-server-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env=environment(**more),
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        server = Server(process=process, port=port, log=log)
        try:
            _await(server)
            yield server
        finally:
            process.kill()
            process.wait()


def _await(server: Server) -> None:
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            urllib.request.urlopen(f"{server.url}/schema/", timeout=5).close()
            return
        except OSError as error:
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no server:\n{server.log.read_text()}") from error
        time.sleep(0.1)
