"""Servers and commands of the app in processes of their own, on the test's databases."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .servers import free_port

ROOT = Path(__file__).parents[2]
START_TIMEOUT = 30.0

APPLICATION = "tests.asgi:application"


def environment(**more: str) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": str(ROOT),
        "TEST_PROCESS": "1",
        **more,
    }


def run_python(code: str, **more: str) -> str:
    """Run ``code`` with Django set up, to its end; what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup()\n{code}"],
        env=environment(**more),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(kw_only=True)
class Server:
    """A running ASGI server."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"


@contextmanager
def asgi_server(kind: str = "uvicorn", workers: int = 1, **more: str) -> Iterator[Server]:
    """Serve the suite's application by uvicorn, granian or daphne."""
    port = free_port()
    with serving(_command(kind, port, workers), port, **more) as server:
        yield server


@contextmanager
def serving(arguments: list[str], port: int, **more: str) -> Iterator[Server]:
    """Run ``python -m arguments``, which serves the suite's application at ``port``."""
    with tempfile.TemporaryDirectory(prefix="ams-server-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env=environment(**more),
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Its workers end with it.
                start_new_session=True,
            )
        server = Server(process=process, port=port, log=log)
        try:
            _await(server)
            yield server
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _command(kind: str, port: int, workers: int) -> list[str]:
    if kind == "daphne":
        return ["daphne", "-b", "127.0.0.1", "-p", str(port), APPLICATION]
    if kind == "granian":
        options = ["--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)]
        return ["granian", *options, "--workers", str(workers), APPLICATION]
    options = ["--ws", "websockets-sansio", "--port", str(port), "--workers", str(workers)]
    return ["uvicorn", *options, "--lifespan", "off", APPLICATION]


def _await(server: Server) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            urllib.request.urlopen(f"{server.url}/schema/", timeout=5).close()
            return
        except OSError as error:
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no server:\n{server.log.read_text()}") from error
        time.sleep(0.1)
