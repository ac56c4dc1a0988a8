"""Writes in one process and websockets in another."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time

import pytest

from ..support.processes import ROOT, Server, environment, run_python
from .client import Client, client, clients, cpu_seconds, processes_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])

#: seconds; a limit that holds on a busy machine too. The measured values are printed.
MEDIAN_LIMIT = 1.0
CPU_LIMIT = 0.05


async def test_write_in_a_shell_reaches_a_socket(server: Server) -> None:
    code = 'from agent_master_storage import storage; storage.write("shell", b"it works")'
    async with client(server) as socket:
        await socket.watch(key="shell")
        shell = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "django", "shell", "-c", code, env=environment(), cwd=ROOT
        )
        [change] = (await socket.receive())["changes"]
        assert change["value"] == "it works"
        assert await shell.wait() == 0


@pytest.mark.parametrize("alias", ["default", "postgres", "redis"])
async def test_latency_between_processes(uvicorn: Server, alias: str) -> None:
    # Measured from before the write in a separate process to the frame at the client.
    async with client(uvicorn, alias) as socket:
        await socket.watch(key="k")
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER.format(alias=alias)], env=environment(), cwd=ROOT
        )
        delays = await follow(socket, 40)
        assert await asyncio.to_thread(writer.wait, 30) == 0
    median = statistics.median(delays)
    print(f"\n{alias}: median {median * 1000:.1f} ms, worst {max(delays) * 1000:.1f} ms", end=" ")
    assert median < MEDIAN_LIMIT


#: writes the time of a clock that all processes of the machine share
WRITER = """
import time
import django; django.setup()
from agent_master_storage import storages
for _ in range(40):
    storages["{alias}"].write("k", repr(time.monotonic()).encode())
    time.sleep(0.037)
"""


async def follow(socket: Client, count: int) -> list[float]:
    delays: list[float] = []
    while len(delays) < count:
        frame = await socket.receive()
        now = time.monotonic()
        delays += [now - float(change["value"]) for change in frame["changes"]]
    return delays


async def test_idle_sockets_use_almost_no_cpu(uvicorn: Server) -> None:
    # Ten idle sockets on SQLite for five seconds.
    async with clients(uvicorn, 10) as sockets:
        for socket in sockets:
            await socket.watch()
        await asyncio.sleep(0.5)
        processes = processes_of(uvicorn.process.pid)
        before, began = cpu_seconds(processes), time.monotonic()
        await asyncio.sleep(5)
        share = (cpu_seconds(processes) - before) / (time.monotonic() - began)
    print(f"\nidle: {share:.2%} of a core", end=" ")
    assert share < CPU_LIMIT


def test_nothing_is_shared_after_a_fork() -> None:
    lines = run_python(FORK).splitlines()
    assert lines == [
        "child: 0 subscriptions",
        "child: another connection",
        "child: reads parent",
        "child: watches child",
        "parent: watches parent, child, parent again",
        "parent: 1 subscription",
    ]


#: what a server with preloaded code does, in the worst order
FORK = """
import os, sys, time
from django.db import connections
from agent_master_storage import storages

storage, heard = storages["postgres"], []

def backend():
    with connections["postgres"].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]

def wait_for(values, wanted):
    deadline = time.monotonic() + 20
    while values[-1:] != [wanted]:
        assert time.monotonic() < deadline, values
        time.sleep(0.01)

storage.watch("k", heard.append)
storage.write("k", b"parent")
wait_for(heard, b"parent")
mine = backend()

if os.fork() == 0:
    seen = []
    print("child:", len(storage.tail._subscriptions), "subscriptions")
    value = storage.read("k").decode()
    print("child:", "another connection" if backend() != mine else "the same connection")
    print("child: reads", value)
    storage.watch("k", seen.append)
    storage.write("k", b"child")
    wait_for(seen, b"child")
    print("child: watches", *[value.decode() for value in seen])
    sys.stdout.flush()
    storages.reset()
    os._exit(0)

assert os.wait()[1] == 0
storage.write("k", b"parent again")
wait_for(heard, b"parent again")
assert backend() == mine
print("parent: watches", ", ".join(value.decode() for value in heard))
print("parent:", len(storage.tail._subscriptions), "subscription")
"""
