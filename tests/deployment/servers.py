"""Servers with special options: runserver, and daphne with a larger frame limit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..support.processes import APPLICATION, Server, serving
from ..support.servers import free_port
from .runserver_settings import FRAME_LIMIT


@contextmanager
def daphne(**more: str) -> Iterator[Server]:
    limits = ["--websocket-max-message-size", str(FRAME_LIMIT)]
    limits += ["--websocket-max-frame-size", str(FRAME_LIMIT)]
    port = free_port()
    with serving(["daphne", "-p", str(port), *limits, APPLICATION], port, **more) as server:
        yield server


@contextmanager
def runserver(**more: str) -> Iterator[Server]:
    port = free_port()
    command = ["django", "runserver", "--noreload", f"127.0.0.1:{port}"]
    settings = "tests.deployment.runserver_settings"
    with serving(command, port, DJANGO_SETTINGS_MODULE=settings, **more) as server:
        yield server
