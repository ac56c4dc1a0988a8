"""The processes of a benchmark: a server of sockets, and receivers that count."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.servers import free_port

START_TIMEOUT = 120.0


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a receiver says about some marks; seconds."""

    delivered: int
    lost: int
    p50: float
    p99: float
    #: when all receivers had the last mark that all have got
    until: float


class Receiver:
    """A process that counts arrivals: see ``arrivals.py``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        self._input = process.stdin
        self._lines: queue.Queue[str] = queue.Queue()
        self._process = process
        threading.Thread(target=self._listen, daemon=True).start()
        if self._next_line(START_TIMEOUT) != "ready":
            raise RuntimeError(f"{process.args!r} did not start")

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.strip())
        self._lines.put("ended")

    def _next_line(self, timeout: float) -> str | None:
        try:
            return self._lines.get(timeout=timeout)
        except queue.Empty:
            return None

    def completed(self, timeout: float) -> int | None:
        """The number of the next mark that everybody has; None: none did in time."""
        line = self._next_line(timeout)
        return None if line is None else int(line)

    def wait_for(self, numbers: range, quiet: float = 3.0) -> None:
        """Wait until everybody has all of them, or until nothing came for ``quiet`` seconds."""
        left = set(numbers)
        while left and (number := self.completed(quiet)) is not None:
            left.discard(number)

    def report(self, numbers: range) -> Report:
        self._input.write(f"{numbers.start} {numbers.stop}\n")
        self._input.flush()
        while True:
            line = self._lines.get(timeout=60)
            if line.startswith("{"):
                return Report(**json.loads(line))


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running uvicorn."""

    port: int

    def cpu(self) -> float:
        """Seconds of processor time that it has used."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/cpu", timeout=60) as answer:
            return float(answer.read())


@contextmanager
def receiver(module: str, *arguments: Any) -> Iterator[Receiver]:
    """``python -m benchmarks.<module>``, once it is ready."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    with _ending(process):
        yield Receiver(process)


@contextmanager
def server() -> Iterator[Server]:
    """uvicorn with the application of ``asgi.py``, in a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "benchmarks.asgi:application", "--port", str(port)]
    command += ["--ws", "websockets-sansio", "--log-level", "error", "--backlog", "4096"]
    process = subprocess.Popen(command, env=os.environ)
    with _ending(process):
        running = Server(port=port)
        _await(process, running)
        yield running


def _await(process: subprocess.Popen[bytes], running: Server) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            running.cpu()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextmanager
def _ending(process: subprocess.Popen[Any]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()
        process.wait()
