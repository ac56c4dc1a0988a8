"""Runs the blocks of one document, in order and in one namespace, as a reader would."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

from django.core.checks import run_checks
from django.test import override_settings

from agent_master_storage import storage, storages

from ..support import processes
from . import curl, transcripts
from .blocks import Block, Step, steps
from .matching import matches

#: the user of the documents' commands
USER, PASSWORD = "admin", "open-sesame"
#: seconds for what another thread prints
TIMEOUT = 20.0

_ADDRESS = "localhost:8000"


class Runner:
    """Use as a context manager: servers that the blocks need end with it."""

    def __init__(self, folder: Path, way: str, login: str) -> None:
        """``way``: see ``curl.WAYS``. ``login``: the Authorization header of USER."""
        self.namespace: dict[str, Any] = {"__name__": "docs"}
        self._folder = folder
        self._way = way
        self._login = login
        self._stack = ExitStack()
        self._server: processes.Server | None = None
        self._output = io.StringIO()
        self._run: dict[str, Callable[[Block], None]] = {
            "python": self._python,
            "pycon": self._doctest,
            "console": self._console,
            "text": self._text,
        }

    def __enter__(self) -> Runner:
        self._stack.enter_context(contextlib.redirect_stdout(self._output))
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()
        storages.reset()

    def run(self, block: Block) -> None:
        """Run a block; AssertionError when it does something else than shown."""
        assert block.language in self._run, f"{block.where}: nobody runs {block.language!r}"
        self._run[block.language](block)

    @property
    def server(self) -> processes.Server:
        """Started when it is first asked for."""
        if self._server is None:
            self._server = self._stack.enter_context(processes.asgi_server())
        return self._server

    # Python

    def _python(self, block: Block) -> None:
        self._output.seek(0)
        self._output.truncate()
        namespace = self._file(block) if block.file else self.namespace
        source = self._addressed(block.text)
        exec(compile("\n" * (block.line - 1) + source, str(block.path), "exec"), namespace)
        if (block.file or "").endswith("settings.py"):
            _check_settings(block, namespace)

    def _file(self, block: Block) -> dict[str, Any]:
        """A module of its own, to be imported by what follows."""
        assert block.file is not None
        *parents, name = block.file.removesuffix(".py").split("/")
        for depth in range(len(parents)):
            sys.modules.setdefault(".".join(parents[: depth + 1]), ModuleType(parents[depth]))
        module = ModuleType(".".join([*parents, name]))
        self._stack.callback(sys.modules.pop, module.__name__, None)
        sys.modules[module.__name__] = module
        return vars(module)

    def _doctest(self, block: Block) -> None:
        test = doctest.DocTestParser().get_doctest(
            self._addressed(block.text), self.namespace, block.where, str(block.path), block.line
        )
        # Its own copy of the namespace would lose what was defined.
        test.globs = self.namespace
        report: list[str] = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        failed = runner.run(test, out=report.append, clear_globs=False).failed
        assert not failed, "".join(report)

    def _text(self, block: Block) -> None:
        """What the block before printed, or a transcript."""
        if transcripts.is_transcript(block.text):
            url = f"{self.server.ws}/ws/storage/default/"
            headers = {"Authorization": self._login}
            transcripts.replay(block, url, headers, {"storage": storage})
            return
        deadline = time.monotonic() + TIMEOUT
        while not matches(block.text, self._output.getvalue()):
            printed = self._output.getvalue()
            assert time.monotonic() < deadline, f"{block.where}: it printed {printed!r}"
            time.sleep(0.02)

    # Commands

    def _console(self, block: Block) -> None:
        for step in steps(block):
            printed = self._command(step)
            assert matches(step.output, printed), (
                f"{block.where}\n$ {step.command}\nshown: {step.output}\ncame:  {printed}"
            )

    def _command(self, step: Step) -> str:
        command = self._addressed(step.command)
        if command.startswith("curl "):
            return curl.run(
                self._way, command, self._folder, lambda found: matches(step.output, found)
            )
        if command.startswith("cat "):
            # The file is one that the reader has.
            (self._folder / command.removeprefix("cat ")).write_text(step.output)
        # The suite has no manage.py; Django's own command is the same.
        command = re.sub(r"^python manage\.py ", f"{sys.executable} -m django ", command)
        done = subprocess.run(
            command,
            shell=True,
            cwd=self._folder,
            env=processes.environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _addressed(self, text: str) -> str:
        if _ADDRESS not in text:
            return text
        return text.replace(_ADDRESS, f"127.0.0.1:{self.server.port}")


def _check_settings(block: Block, namespace: dict[str, Any]) -> None:
    """No system check has an error when the app's settings are these."""
    ours = ("AGENT_MASTER_STORAGE", "AGENT_MASTER_STORAGE_PERMISSION", "CHANNEL_LAYERS")
    with override_settings(**{name: namespace[name] for name in ours if name in namespace}):
        faults = [message for message in run_checks() if message.is_serious()]
    assert not faults, f"{block.where}: {faults}"
