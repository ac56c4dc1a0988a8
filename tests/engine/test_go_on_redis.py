"""A Go engine and ours on one Redis, at the same time: it by GET and SET, without looking."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import redis

from agent_master_storage import storages
from agent_master_storage.engine import Engine
from agent_master_storage.testing import wait_for
from agent_master_storage.testing.base import Worker

from . import go_engine

SERVER = {"transport": "stdio", "command": "uvx"}
COUNT = 150


@pytest.fixture
def engine() -> Engine:
    from .conftest import empty

    empty("redis")
    return Engine(storage=storages["redis"])


class Go:
    """Its Redis storage, and its way of adding a server."""

    def __init__(self, storage: Any) -> None:
        self._client = redis.Redis.from_url(storage.url)
        self._key = f"{storage.prefix}:config"

    def add_server(self, name: str) -> None:
        value = self._client.get(self._key)
        document = json.loads(go_engine.rewritten(value or b'{"version": "1.0.2"}'))
        document["servers"][name] = SERVER
        self._client.set(self._key, go_engine.dumped(document))

    def servers(self) -> set[str]:
        return set(json.loads(self._client.get(self._key) or b"{}")["servers"])


def test_what_it_adds_is_never_overwritten_by_ours(engine: Engine) -> None:
    go, done = Go(engine.storage), threading.Event()

    def theirs() -> None:
        for number in range(COUNT):
            go.add_server(f"go{number}")
        done.set()

    def ours() -> None:
        for number in range(100_000):
            engine.add_server(f"ours{number}", SERVER)
            if done.is_set():
                return

    workers = [Worker(theirs), Worker(ours, engine.storage.release)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.finish()
    # Ours may be lost to its plain writes, which look at nothing; not one of its own is.
    assert {f"go{number}" for number in range(COUNT)} <= go.servers()
    assert {server.name for server in engine.list_servers()} == go.servers()


def test_its_changes_are_heard_of_and_synced(engine: Engine, tmp_path: Any) -> None:
    go, heard = Go(engine.storage), []
    path = tmp_path / "mcp.json"
    engine.add_destination("here", path)
    engine.on_change(lambda event: heard.append((event.type, event.name)))
    with engine.auto_sync(debounce=0):
        wait_for(lambda: engine.last_sync("here") is None)
        go.add_server("go")
        wait_for(lambda: ("server-added", "go") in heard)
        engine.update_server("go", internal={"enabled": True, "syncTargets": ["all"]})
        wait_for(lambda: path.exists() and '"go"' in path.read_text())
