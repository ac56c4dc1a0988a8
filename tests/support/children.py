"""Child processes that watch or write, on the databases of the test: they talk in JSON lines."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.conf import settings

from agent_master_storage.testing.base import TIMEOUT

ROOT = Path(__file__).parents[2]


class Child:
    """A process whose output is read as it comes."""

    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self.popen = popen
        self.lines: list[Any] = []
        self._more = threading.Condition()
        self._ended = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            with self._more:
                self.lines.append(json.loads(line))
                self._more.notify_all()
        with self._more:
            self._ended = True
            self._more.notify_all()

    def wait(self, count: int, timeout: float = TIMEOUT) -> list[Any]:
        """All lines so far, at least ``count``."""
        with self._more:
            self._more.wait_for(lambda: len(self.lines) >= count or self._ended, timeout)
            assert len(self.lines) >= count, f"{len(self.lines)} of {count}: {self.lines[-5:]}"
            return list(self.lines)

    def finish(self, timeout: float = TIMEOUT) -> list[Any]:
        """All lines, when it has ended well."""
        assert self.popen.wait(timeout) == 0, self.lines[-5:]
        with self._more:
            self._more.wait_for(lambda: self._ended, timeout)
        return self.lines


@contextmanager
def child(module: str, *arguments: object, **environment: Any) -> Iterator[Child]:
    """Run ``python -m module arguments`` until the block ends; its errors go to ours.

    ``layers``: its CHANNEL_LAYERS. ``databases``, ``options``: changes to its DATABASES, and
    OPTIONS of its storages, by alias.
    """
    popen = subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **_environment(**environment)},
        stdout=subprocess.PIPE,
        text=True,
        # Those that it forks end with it.
        start_new_session=True,
    )
    try:
        yield Child(popen)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(popen.pid, signal.SIGKILL)
        popen.wait()


def _environment(layers: Any = None, databases: Any = None, options: Any = None) -> dict[str, str]:
    # The names that the test runner has given to the databases.
    named: dict[str, dict[str, Any]] = {
        alias: {"NAME": str(database["NAME"])} for alias, database in settings.DATABASES.items()
    }
    for alias, changed in (databases or {}).items():
        named[alias].update(changed)
    return {
        "DJANGO_SETTINGS_MODULE": "tests.support.child_settings",
        "TEST_DATABASES": json.dumps(named),
        "TEST_CHANNEL_LAYERS": json.dumps(layers or {}),
        "TEST_OPTIONS": json.dumps(options or {}),
        "PYTHONUNBUFFERED": "1",
    }
