"""A Go engine, which uses plain GET and SET, and ours on one Redis at the same time."""

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
    """The Go engine's Redis storage, and how it adds a server."""

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


def test_servers_that_go_adds_are_never_overwritten_by_ours(engine: Engine) -> None:
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
    # Its unconditional writes may overwrite our servers, but none of its servers is lost.
    assert {f"go{number}" for number in range(COUNT)} <= go.servers()
    assert {server.name for server in engine.list_servers()} == go.servers()


def test_changes_by_go_cause_events_and_are_synced(engine: Engine, tmp_path: Any) -> None:
    go, events = Go(engine.storage), []
    path = tmp_path / "mcp.json"
    engine.add_destination("here", path)
    engine.on_change(lambda event: events.append((event.type, event.name)))
    with engine.auto_sync(debounce=0):
        wait_for(lambda: engine.last_sync("here") is None)
        go.add_server("go")
        wait_for(lambda: ("server-added", "go") in events)
        engine.update_server("go", internal={"enabled": True, "syncTargets": ["all"]})
        wait_for(lambda: path.exists() and '"go"' in path.read_text())
