"""Somebody who does what README.md's quickstart says, in a project of their own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..docs import curl
from ..docs.blocks import Block, Step, steps
from ..docs.matching import matches
from ..docs.runner import PASSWORD
from .servers import free_port

#: seconds for a command, and for what another process prints
TIMEOUT = 120.0


def run(command: list[str] | str, **options: object) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        shell=isinstance(command, str),
        **options,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return str(done.stdout)


@dataclass(kw_only=True)
class Environment:
    """A virtual environment with the wheel, and with what is installed beside the tests."""

    folder: Path
    #: packages that can't be imported in it
    missing: tuple[str, ...] = ()

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def variables(self) -> dict[str, str]:
        foreign = ("DJANGO_", "PYTHON", "TEST_")
        ours = {name: v for name, v in os.environ.items() if not name.startswith(foreign)}
        path = f"{self.python.parent}{os.pathsep}{ours.get('PATH', '')}"
        return ours | {"PATH": path, "DJANGO_SUPERUSER_PASSWORD": PASSWORD}

    def make(self, wheel: Path) -> None:
        run([sys.executable, "-m", "venv", str(self.folder)])
        # Before the others can be seen: pip must not look for it there.
        pip = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)]
        run([str(self.python), *pip], env=self.variables)
        (packages,) = self.folder.glob("lib/python*/site-packages")
        # Paths alone: the .pth files in them, such as an editable install's, are not read.
        others = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
        (packages / "beside.pth").write_text("\n".join([*others, "import _missing\n"]))
        (packages / "_missing.py").write_text(_MISSING.format(names=self.missing))


_MISSING = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""


@dataclass(kw_only=True)
class Reader:
    """Does what the quickstart says, step by step."""

    environment: Environment
    wheel: Path
    folder: Path
    port: int = field(default_factory=free_port)
    running: ExitStack = field(default_factory=ExitStack)
    #: what the last command printed that has not ended
    output: Path | None = None

    def follow(self, block: Block) -> None:
        """Write the file that a block shows, or run its commands."""
        if block.language == "python":
            assert block.file is not None, f"{block.text} belongs to no file"
            with (self.folder / block.file).open("a") as file:
                file.write("\n" + self._addressed(block.text))
            return
        assert block.language == "console"
        for step in steps(block):
            self._do(step)

    def _do(self, step: Step) -> None:
        command = self._addressed(step.command)
        if command == "make dist":
            return
        if command.startswith("pip install dist/*.whl "):
            self.environment.make(self.wheel)
        elif command.startswith("cd "):
            self.folder /= command.removeprefix("cd ")
        elif command == "python manage.py runserver":
            self._serve()
        elif command == "python watch.py":
            self.output = self._start(command)
            self.await_output(step.output)
        else:
            printed = self._run(command, step)
            assert not step.output or matches(step.output, printed), f"{command}\n{printed}"

    def _run(self, command: str, step: Step) -> str:
        if command.startswith("curl "):
            return curl.run(
                curl.WAYS[0], command, self.folder, lambda printed: matches(step.output, printed)
            )
        return self.run(command)

    def run(self, command: str) -> str:
        """Run a command in the project."""
        # Commands of packages that are beside the environment have no script in it.
        command = command.replace("django-admin ", "python -m django ")
        if "createsuperuser" in command:
            command += " --email admin@example.com --no-input"
        return run(command, cwd=self.folder, env=self.environment.variables)

    def _serve(self) -> None:
        log = self._start(f"python manage.py runserver --noreload 127.0.0.1:{self.port}")
        until(lambda: accepts(self.port), log)

    def _start(self, command: str) -> Path:
        """Start what does not end by itself; its output is in the file returned."""
        log = self.folder / f"{command.split()[-1]}.log"
        self.running.enter_context(_running(command, self.folder, self.environment, log))
        return log

    def await_output(self, shown: str) -> None:
        """Until the running command has printed that."""
        assert self.output is not None
        log = self.output
        until(lambda: matches(shown, log.read_text()), log)

    def _addressed(self, text: str) -> str:
        return text.replace("localhost:8000", f"127.0.0.1:{self.port}")


@contextmanager
def _running(
    command: str, folder: Path, environment: Environment, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            f"exec {command}",
            shell=True,
            cwd=folder,
            env=environment.variables,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(condition: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
