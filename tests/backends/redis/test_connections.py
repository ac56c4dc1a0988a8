"""Connections: bounded, shared by threads and loops, let go of, made anew after a fork."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.core.exceptions import ImproperlyConfigured

from agent_master_storage import Write
from agent_master_storage.backends.redis import RedisStorage, tracker
from agent_master_storage.exceptions import RevisionConflict
from agent_master_storage.handler import make_storage
from agent_master_storage.testing import Recorder, wait_for
from agent_master_storage.testing.base import Worker

Make = Callable[..., RedisStorage]


def connected(engine: redis.Redis) -> int:
    return sum(c["name"] == "agent-master-storage" for c in engine.client_list())


@pytest.fixture
def before(engine: redis.Redis) -> int:
    """Those that other tests may have left."""
    return connected(engine)


def test_threads_take_no_more_than_they_may(make: Make, engine: redis.Redis, before: int) -> None:
    storage = make(max_connections=3)
    most: list[int] = []

    def work() -> None:
        for number in range(50):
            storage.write("k", b"%d" % number)
        most.append(connected(engine))

    workers = [Worker(work) for _ in range(12)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.finish()
    assert max(most) <= before + 3
    assert storage.revision == 600


async def test_tasks_take_no_more_than_they_may(
    make: Make, engine: redis.Redis, before: int
) -> None:
    storage = make(max_connections=3)
    await asyncio.gather(*(storage.awrite(f"k{number}", b"") for number in range(200)))
    assert connected(engine) <= before + 3
    assert await storage.arevision() == 200


def test_close_lets_go_of_all(make: Make, engine: redis.Redis, before: int) -> None:
    storage = make()

    async def use() -> None:
        await storage.awrite("k", b"")
        unsubscribe = await storage.awatch("k", Recorder())
        await storage.alist()
        unsubscribe()
        storage.close()
        await asyncio.sleep(0.05)

    storage.watch("k", Recorder())
    storage.list()
    asyncio.run(use())
    wait_for(lambda: connected(engine) <= before)


def test_a_closed_storage_can_be_used_again(make: Make) -> None:
    storage = make()
    storage.list()
    storage.close()
    assert storage.write("k", b"v") == 1
    assert storage.list() == ["k"]
    seen = Recorder()
    storage.watch("k", seen)
    storage.write("k", b"more")
    seen.wait(1)


def test_the_listener_ends_when_nobody_lists_any_more(
    make: Make, monkeypatch: pytest.MonkeyPatch, engine: redis.Redis, prefix: str
) -> None:
    monkeypatch.setattr(tracker, "IDLE", 0.1)
    storage = make()
    storage.list()
    wait_for(lambda: storage._tracker._thread is None)
    assert storage._tracker._signal is None
    engine.set(f"{prefix}:k", b"")
    assert storage.list() == ["k"]


def test_many_loops_one_after_another(make: Make, engine: redis.Redis, before: int) -> None:
    storage = make()
    # Those of a closed loop go at once, not when the collector comes.
    gc.disable()
    try:
        for number in range(20):
            assert asyncio.run(storage.awrite("k", b"")) == number + 1
        wait_for(lambda: connected(engine) <= before + 3)
        storage.close()
        wait_for(lambda: connected(engine) <= before)
    finally:
        gc.enable()


def test_loops_in_several_threads(make: Make) -> None:
    storage = make()

    async def increment() -> None:
        done = 0
        while done < 20:
            entry = await storage.aentry("counter")
            value = b"%d" % (int(entry.value) + 1)
            try:
                await storage.awrite("counter", value, if_revision=entry.revision)
                done += 1
            except RevisionConflict:
                pass

    storage.write("counter", b"0")
    workers = [Worker(lambda: asyncio.run(increment())) for _ in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.finish()
    assert storage.read("counter") == b"100"


async def test_a_cancelled_task_harms_no_other(make: Make) -> None:
    storage = make(max_connections=2)
    for number in range(30):
        task = asyncio.ensure_future(storage.awrite("k", b"x" * 100_000))
        await asyncio.sleep(0.0005 * (number % 3))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await storage.awrite("other", b"%d" % number)
        assert await storage.aread("other") == b"%d" % number


def test_after_a_fork_each_has_its_own(make: Make, engine: redis.Redis) -> None:
    storage = make()
    storage.write("parent", b"v")
    storage.list()
    asyncio.run(storage.aread("parent"))
    pid = os.fork()
    if pid == 0:
        good = False
        try:
            good = storage.read("parent") == b"v" and "parent" in storage.list()
            storage.write("child", b"")
            good = good and asyncio.run(storage.aread("child")) == b""
        finally:
            os._exit(0 if good else 1)
    for number in range(200):
        storage.write("k", b"%d" % number)
        assert storage.read("k") == b"%d" % number
    assert os.waitpid(pid, 0)[1] == 0
    assert storage.list() == ["child", "k", "parent"]


def test_a_loop_ends_without_a_trace(server: str, prefix: str) -> None:
    """Python complains of what is not closed, if it is asked to."""
    script = f"""
import asyncio
from asgiref.sync import async_to_sync
from agent_master_storage.backends.redis import RedisStorage

storage = RedisStorage(alias="t", url={server!r}, prefix={prefix!r})

async def work():
    await asyncio.gather(*(storage.awrite(f"k{{number}}", b"v") for number in range(5)))
    return await storage.aread("k1")

for _ in range(3):
    assert asyncio.run(work()) == b"v"
    assert async_to_sync(work)() == b"v"
"""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": 6379}, "url must be a str"),
        ({"url": "http://127.0.0.1"}, "url must be a str that begins with"),
        ({"url": "redis://127.0.0.1:port"}, "url: "),
        ({"url": "redis://127.0.0.1/0?decode_responses=yes"}, "decode_responses"),
        ({"url": "redis://127.0.0.1/0?ssl_ca_cert=a.pem"}, "unexpected .*'ssl_ca_cert'"),
        ({"url": "rediss://127.0.0.1/0?timeout=5"}, "unexpected .*'timeout'"),
        ({"url": "redis://127.0.0.1/0?protocol=9"}, "protocol must be"),
        ({"url": "redis://127.0.0.1/0?cache_config=1"}, "url: "),
        ({"url": "rediss://127.0.0.1/0?ssl_validate_ocsp=yes"}, "ssl_validate_ocsp"),
        ({"url": "redis://[::1/0"}, "url: "),
        ({"url": "redis://127.0.0.1/first"}, "'first' is no number of a database"),
        ({"url": "redis://127.0.0.1/0/1"}, "'0/1' is no number of a database"),
        ({"prefix": ""}, "prefix: it is empty"),
        ({"prefix": 7}, "prefix: "),
        ({"prefix": "a\nb"}, "prefix: "),
        ({"max_connections": 0}, "max_connections must be"),
        ({"max_connections": "5"}, "max_connections must be"),
        ({"timeout": 0}, "timeout must be"),
        ({"timeout": "1"}, "timeout must be"),
        ({"reconcile_interval": -1}, "reconcile_interval must be"),
        ({"reconcile_interval": True}, "reconcile_interval must be"),
        ({"colour": "red"}, "unknown option 'colour'"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], message: str) -> None:
    configured = {
        "BACKEND": "agent_master_storage.backends.redis.RedisStorage",
        "OPTIONS": options,
    }
    with pytest.raises(ImproperlyConfigured, match=message) as caught:
        make_storage("tenant", configured)
    assert "AGENT_MASTER_STORAGE['tenant']" in str(caught.value)


def test_a_socket_file_and_a_database_number(make: Make, engine: redis.Redis) -> None:
    storage = RedisStorage(alias="t", url="unix:///tmp/none.sock?db=3")
    assert storage._server.place == "/tmp/none.sock/3"
    assert storage._server.database == 3
    storage.close()


# The limits of what one script does


def test_a_commit_of_everything_that_is_allowed(make: Make) -> None:
    storage = make()
    writes = [Write(f"k{number:04}", b"%d" % number * 1000) for number in range(1000)]
    assert storage.commit(writes) == 1
    assert len(storage.list()) == 1000
    assert len(storage.history()) == 1000
    with storage.changes(since=0) as changes:
        assert next(changes).key == "k0000"


def test_a_snapshot_in_slices_is_one_moment(make: Make) -> None:
    """Each write changes a first and a last key alike, while slices are read between them."""
    storage, writer = make(), make()
    keys = [f"k{number:04}" for number in range(2500)]
    for start in range(0, 2500, 500):
        storage.commit([Write(key, b"0") for key in keys[start : start + 500]])
    stop: list[bool] = []

    def write() -> None:
        number = 0
        while not stop:
            number += 1
            value = b"%d" % number
            writer.commit([Write("k0000", value), Write("k2499", value), Write("new", value)])
            if number % 3 == 0:
                writer.delete("new")

    worker = Worker(write)
    worker.start()
    for _ in range(10):
        snapshot = storage.snapshot()
        values = {entry.key: entry.value for entry in snapshot.entries}
        assert len(values) in (2500, 2501)
        assert values["k0000"] == values["k2499"]
        assert max(entry.revision for entry in snapshot.entries) <= snapshot.revision
        some = storage.entries(after="k0001", limit=1500)
        assert [entry.key for entry in some] == keys[2:1502]
        time.sleep(0.001)
    stop.append(True)
    worker.finish()
