"""The demo in processes of its own, started by the Makefile's commands, and a browser to it."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from .servers import free_port

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT = 60.0


@dataclass
class Browser:
    """Keeps cookies, follows redirects."""

    site: str
    cookies: CookieJar = field(default_factory=CookieJar)

    def open(self, path: str, data: dict[str, str] | None = None) -> tuple[int, str]:
        """Status and text of a GET, or of a POST of the form ``data``."""
        body = None if data is None else urlencode(data).encode()
        opener = build_opener(HTTPCookieProcessor(self.cookies))
        request = Request(self.site + path, body, {"Referer": self.site + path})
        try:
            with opener.open(request, timeout=20) as response:
                return response.status, response.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def log_in(self, user: str = "demo", password: str = "demo") -> tuple[int, str]:
        """Through the form, with the token that stands in it."""
        _, page = self.open("/login/?next=/")
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token is not None, page
        form = {"username": user, "password": password, "next": "/"}
        return self.open("/login/", {**form, "csrfmiddlewaretoken": token[1]})

    def socket(self, alias: str = "default") -> ClientConnection:
        cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies)
        url = f"{self.site.replace('http', 'ws', 1)}/ws/storage/{alias}/"
        return connect(url, origin=Origin(self.site), additional_headers={"Cookie": cookie})


@dataclass
class Demo:
    """A folder with the demo's database, and the commands of ``make demo`` on it."""

    folder: Path
    port: int = field(default_factory=free_port)

    @property
    def site(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        # pytest-django has named the suite's settings; the demo has its own.
        ours = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
        return ours | {"DEMO_DATABASE": str(self.folder / "demo.sqlite3"), "PYTHONUNBUFFERED": "1"}

    def recipe(self) -> list[str]:
        """The Makefile's commands for ``demo``, with this interpreter and this port."""
        rule = re.search(r"^demo:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert rule is not None
        commands = rule[1].replace("$(BIN)/python", shlex.quote(sys.executable))
        return commands.replace("$(PORT)", str(self.port)).split("\n\t")

    def run(self, command: str) -> str:
        """Run a shell command to its end and return what it says."""
        done = subprocess.run(
            command,
            shell=True,
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def python(self, code: str) -> str:
        """Run ``code`` in a process of its own, where ``storage`` and ``actor`` are there."""
        code = f"from agent_master_storage import actor, storage\n{code}"
        shell = [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", code]
        return self.run(shlex.join(shell)).strip()

    def set_up(self) -> str:
        """What comes before the server; returns what it says."""
        return "".join(self.run(command) for command in self.recipe()[:-1])

    @contextlib.contextmanager
    def serving(self) -> Iterator[subprocess.Popen[bytes]]:
        """The server, ready to answer; killed in the end if it still runs."""
        log = self.folder / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                f"exec {self.recipe()[-1].strip()}",
                shell=True,
                env=self.environment,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            self._await(process, log)
            yield process
        finally:
            process.kill()
            process.wait()

    def _await(self, process: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            with contextlib.suppress(URLError, ConnectionError):
                Browser(self.site).open("/")
                return
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
