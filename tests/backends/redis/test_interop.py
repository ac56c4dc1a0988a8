"""A Go engine in a process of its own and this app share one Redis, both ways, at once."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from agent_master_storage import Check, Write
from agent_master_storage.backends.redis import RedisStorage
from agent_master_storage.exceptions import KeyNotFound, RevisionConflict
from agent_master_storage.testing import Recorder, wait_for
from agent_master_storage.testing.base import Worker

from ...support.children import ROOT
from .documents import CONFIG, encode
from .stores import empty


class Engine:
    """The stand-in of ``engine.py``, called as if it were here."""

    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self._popen = popen
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Any:
            assert self._popen.stdin is not None and self._popen.stdout is not None
            with self._lock:
                self._popen.stdin.write(json.dumps([name, *arguments]) + "\n")
                self._popen.stdin.flush()
                return json.loads(self._popen.stdout.readline())

        return call

    def set(self, key: str, value: bytes) -> None:
        self.write(key, base64.b64encode(value).decode())

    def get(self, key: str) -> bytes | None:
        value = self.read(key)
        return None if value is None else base64.b64decode(value)


@pytest.fixture
def prefix(server: str) -> str:
    """One that an engine's unescaped KEYS can deal with."""
    empty("interop", server)
    return "interop"


@pytest.fixture
def go(prefix: str, server: str) -> Iterator[Engine]:
    popen = subprocess.Popen(
        [sys.executable, "-m", "tests.backends.redis.engine", server, prefix],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with popen:
        yield Engine(popen)
        popen.kill()


def test_each_reads_what_the_other_writes(storage: RedisStorage, go: Engine) -> None:
    for value in (b"", b"plain", bytes(range(256)), "ünïcode 🔑".encode(), b"x" * 500_000):
        storage.write("ours", value)
        assert go.get("ours") == value
        go.set("theirs", value)
        assert storage.read("theirs") == value
    storage.delete("ours")
    assert go.get("ours") is None
    go.delete("theirs")
    with pytest.raises(KeyNotFound):
        storage.read("theirs")


def test_each_lists_what_the_other_writes(storage: RedisStorage, go: Engine) -> None:
    storage.write("targets:laptop:config", b"{}")
    go.set("targets:desktop:config", b"{}")
    go.set("projects:/home/me:config", b"{}")
    both = ["targets:desktop:config", "targets:laptop:config"]
    assert storage.list("targets:") == both == sorted(go.list("targets:"))
    assert sorted(go.list("")) == storage.list() == ["projects:/home/me:config", *both]


def test_a_whole_config_goes_to_and_fro(storage: RedisStorage, go: Engine) -> None:
    """Byte for byte, with fields that we know nothing of."""
    written = encode(CONFIG)
    go.set("config", written)
    assert storage.read("config") == written
    assert storage.read_json("config") == CONFIG
    document = storage.read_json("config")
    document["servers"]["added"] = {"command": "npx"}
    storage.write("config", encode(document), if_revision=storage.entry("config").revision)
    go.add_server("theirs")
    merged = storage.read_json("config")
    assert set(merged["servers"]) == {"fetch", "added", "theirs"}
    assert merged["futureField"] == CONFIG["futureField"]
    assert go.get("config") == encode(merged)


def test_our_handlers_hear_of_the_engine(storage: RedisStorage, go: Engine) -> None:
    seen = Recorder()
    storage.watch("config", seen)
    for number in range(10):
        go.set("config", b"%d" % number)
        seen.wait(number + 1)
    go.delete("config")
    storage.write("config", b"ours")
    assert seen.wait(12) == [*(b"%d" % number for number in range(10)), None, b"ours"]


def test_compare_and_set_against_a_busy_engine(storage: RedisStorage, go: Engine) -> None:
    """Each write of ours changes just the state that it was made from."""
    go.set("config", encode(CONFIG))
    stop, made_from, conflicts = threading.Event(), {}, 0

    def engine() -> None:
        number = 0
        while not stop.is_set():
            go.add_server(f"theirs-{number}")
            number += 1

    worker = Worker(engine)
    worker.start()
    # On a busy machine the engine may be long in having a turn between our two steps.
    while len(made_from) < 30 or (not conflicts and len(made_from) < 1000):
        entry = storage.entry("config")
        document = json.loads(entry.value)
        document["ours"] = len(made_from)
        try:
            revision = storage.write("config", encode(document), if_revision=entry.revision)
            made_from[revision] = entry.value
        except RevisionConflict:
            conflicts += 1
    stop.set()
    worker.finish()
    assert conflicts > 0
    history = storage.history(key="config")
    assert [change.revision for change in history] == list(range(1, len(history) + 1))
    for before, after in pairwise(history):
        assert after.previous_revision == before.revision
        if after.revision in made_from:
            assert before.value == made_from[after.revision]


def test_a_busy_engine_and_a_busy_app(storage: RedisStorage, go: Engine) -> None:
    seen = Recorder()
    storage.watch("k", seen)
    worker = Worker(lambda: go.burst("k", 2000))
    worker.start()
    for number in range(300):
        storage.commit([Write("k", b"app %d" % number), Check("never", 0)])
    worker.finish()
    go.set("k", b"end")
    values = seen.wait_until(b"end")
    assert [value for value in values if value and value.startswith(b"app")] == [
        b"app %d" % number for number in range(300)
    ]
    wait_for(lambda: storage.history(key="k")[-1].value == b"end")
    assert values == [change.value for change in storage.history(key="k")]
    theirs = [value for value in values if value and value.startswith(b"engine")]
    numbers = [int(value.split()[1]) for value in theirs]
    assert numbers == sorted(set(numbers))
