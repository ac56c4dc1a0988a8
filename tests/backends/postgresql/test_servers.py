"""Servers that restart, that fail over, and of every version that is to be had."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from agent_master_storage.backends.postgresql.session import connect

from ...support.children import ROOT, Child, child
from ...support.servers import free_port, postgres_folder, postgres_installations, private_postgres

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


@pytest.fixture
def folder() -> Iterator[Path]:
    with postgres_folder() as found:
        yield found


@contextmanager
def migrated(folder: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server of its own with the tables in it."""
    connection: Any = connections["postgres"]
    connection.close()
    with private_postgres(folder, str(port)), monkeypatch.context() as there:
        there.setitem(connection.settings_dict, "PORT", str(port))
        there.setitem(connection.settings_dict, "NAME", "postgres")
        call_command("migrate", database="postgres", verbosity=0)
        connection.close()
        yield


def told(process: Child, what: str) -> list[Any]:
    return [line[1:] for line in process.lines if line[0] == what]


def survivor(port: int, writes: int) -> Any:
    databases = {"postgres": {"PORT": str(port), "NAME": "postgres"}}
    return child("tests.backends.postgresql.survivor", writes, databases=databases)


def test_a_server_that_restarts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    with migrated(folder, port, monkeypatch):
        running = survivor(port, 100)
        process = running.__enter__()
        process.wait(60)
    try:
        with private_postgres(folder, str(port)):
            process.finish(60)
    finally:
        running.__exit__(None, None, None)
    (log,) = told(process, "log")[0]
    heard = [value for (value,) in told(process, "heard")]
    # What failed may be there, once for each attempt; what was written is there, and in order.
    assert heard == log
    assert list(dict.fromkeys(log)) == [*map(str, range(100)), "end"]
    written = [value for value, _ in told(process, "written")]
    assert written == [*map(str, range(100)), "end"]
    assert len(log) <= len(written) + len(told(process, "failed"))
    assert told(process, "failed")


def test_a_server_that_takes_over_and_lacks_the_last_revisions(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others have written by it before we come back: what counts is what the log holds."""
    port = free_port()
    behind = folder.with_name(folder.name + "-behind")
    try:
        with migrated(folder, port, monkeypatch):
            _write("early", 5)
        shutil.copytree(folder, behind, symlinks=True)
        _give_away(folder, behind)
        with private_postgres(folder, str(port)):
            running = survivor(port, 150)
            process = running.__enter__()
            process.wait(60)
        with private_postgres(behind, str(port)):
            process.finish(60)
        epoch = told(process, "epoch")[0][0]
        with private_postgres(folder, str(port)):
            assert epoch != _epoch(port, monkeypatch)
        assert told(process, "heard")[-1] == ["end"]
    finally:
        running.__exit__(None, None, None)
        shutil.rmtree(behind, ignore_errors=True)


def _give_away(original: Path, copy: Path) -> None:
    """Copied files belong to whoever copied them; the server's must be its own."""
    for path in [original, *original.rglob("*")]:
        status = path.lstat()
        os.lchown(copy / path.relative_to(original), status.st_uid, status.st_gid)


def _write(value: str, times: int) -> None:
    from agent_master_storage.backends.postgresql.storage import PostgreSQLStorage

    storage = PostgreSQLStorage(alias="test", using="postgres")
    for _ in range(times):
        storage.write("k", value.encode())
    storage.close()
    connections["postgres"].close()


def _epoch(port: int, monkeypatch: pytest.MonkeyPatch) -> str:
    connection: Any = connections["postgres"]
    with monkeypatch.context() as there:
        there.setitem(connection.settings_dict, "PORT", str(port))
        there.setitem(connection.settings_dict, "NAME", "postgres")
        with connect("postgres") as driver:
            (epoch,) = driver.execute("SELECT epoch FROM agent_master_storage_state").fetchone()
    return str(epoch)


def version(installed: Path) -> str:
    done = subprocess.run(
        [str(installed / "postgres"), "--version"], capture_output=True, text=True, check=True
    )
    return done.stdout.split()[2]


@pytest.mark.slow
@pytest.mark.parametrize("installed", postgres_installations()[1:], ids=version)
def test_the_contract_on_other_versions(installed: Path, folder: Path) -> None:
    """The suite's own server is one version; here is each of the others, for both adapters."""
    port = free_port()
    with private_postgres(folder, str(port), installed, ("-c", "fsync=off")):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"),
                *("tests/contract/test_pg_storage.py", "tests/watch/test_promises.py"),
                *(
                    "tests/backends/postgresql/test_writing.py",
                    "tests/backends/postgresql/test_plans.py",
                ),
                *(
                    "tests/backends/postgresql/test_group_commit.py",
                    "tests/backends/postgresql/test_notify.py",
                ),
                "tests/backends/postgresql/test_group_tasks.py",
                *("-k", "not memory and not redis and not sqlite"),
            ],
            cwd=ROOT,
            env=_own_environment(TEST_POSTGRES_URL=f"postgresql://postgres@127.0.0.1:{port}"),
            capture_output=True,
            text=True,
            timeout=900,
        )
    assert done.returncode == 0, done.stdout[-5000:]


def _own_environment(**more: str) -> dict[str, str]:
    """Not our folder: another run would drop the database in it."""
    inherited = {name: value for name, value in os.environ.items() if "FOLDER" not in name}
    return {**inherited, **more}
