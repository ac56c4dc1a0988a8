"""Concurrent changes of the document do not overwrite each other."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import pytest

from agent_master_storage import serialization as wire
from agent_master_storage import storages
from agent_master_storage.engine import Document, Engine, document_store
from agent_master_storage.exceptions import NotSupported, RevisionConflict
from agent_master_storage.testing import wait_for
from agent_master_storage.testing.base import Worker

from ..support.children import child
from .documents import GO, put, stored

SERVER = {"command": "uvx", "args": ["server"]}
EACH = 500
#: in seconds; the document grows to a third of a megabyte and is written a thousand times
PATIENCE = 300


def add_many(storage: Any, name: str, count: int) -> None:
    engine = Engine(storage=storage)
    for number in range(count):
        engine.add_server(f"{name}{number}", SERVER)


def run_threads(storage: Any, count: int) -> None:
    release = getattr(storage, "release", None)
    workers = [Worker(lambda n=name: add_many(storage, n, count), release) for name in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(PATIENCE)
        worker.finish()


@pytest.mark.slow
def test_two_threads_in_memory() -> None:
    storage = storages["memory"]
    run_threads(storage, EACH)
    assert len(stored(Engine(storage=storage))["servers"]) == 2 * EACH


def test_two_threads(storage: Any) -> None:
    run_threads(storage, 40)
    names = {f"{name}{number}" for name in "ab" for number in range(40)}
    assert set(stored(Engine(storage=storage))["servers"]) == names
    # There is no write without a change either.
    assert storage.revision == 80


@pytest.mark.slow
def test_two_processes(shared: Any) -> None:
    module, alias = "tests.support.engine_writer", shared.alias
    with child(module, alias, "a", EACH) as one, child(module, alias, "b", EACH) as two:
        one.wait(1)
        two.wait(1)
        assert one.finish(PATIENCE) == two.finish(PATIENCE) == ["ready", "done"]
    names = {f"{name}{number}" for name in "ab" for number in range(EACH)}
    found = Engine(storage=shared).list_servers(enabled=True)
    assert {server.name for server in found} == names


def interrupted(storage: Any, monkeypatch: pytest.MonkeyPatch, times: int, write: Any) -> Any:
    """Make another program write after each of the next ``times`` reads of the engine."""
    entry, left = storage.entry, itertools.chain([1] * times, itertools.repeat(0))

    def read_and_write(key: str, **options: Any) -> Any:
        try:
            return entry(key, **options)
        finally:
            if next(left):
                write()

    monkeypatch.setattr(storage, "entry", read_and_write)


@pytest.mark.parametrize("times", [1, 5])
def test_servers_that_a_go_engine_adds_in_between_are_kept(
    storage: Any, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """The Go engine writes the whole document unconditionally."""
    engine = Engine(storage=storage)
    put(engine, GO)
    numbers, entry = iter(range(10)), storage.entry

    def go() -> None:
        document = wire.loads(entry("config").value)
        document["servers"][f"go{next(numbers)}"] = dict(SERVER, transport="stdio")
        storage.write("config", wire.dumps(document).encode())

    interrupted(storage, monkeypatch, times, go)
    engine.add_server("ours", SERVER)
    added = [f"go{number}" for number in range(times)]
    assert list(stored(engine)["servers"]) == ["files", "remote", *added, "ours"]


def test_two_first_writes_of_the_document(storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(storage=storage)
    other = Engine(storage=storage)
    done: list[Any] = []

    def once() -> None:
        if not done:
            done.append(1)
            other.add_server("theirs", SERVER)

    interrupted(storage, monkeypatch, 1, once)
    engine.add_server("ours", SERVER)
    assert set(stored(engine)["servers"]) == {"theirs", "ours"}


def test_an_error_ends_the_retries_and_stores_nothing(engine: Engine) -> None:
    put(engine, GO)

    def edit(document: Document) -> None:
        document.servers.clear()
        raise LookupError("no")

    with pytest.raises(LookupError):
        engine.change(edit)
    assert engine.storage.read("config").decode() == GO


def test_change_is_public(everywhere: Engine) -> None:
    put(everywhere, GO)

    def edit(document: Document) -> str:
        document.section("settings", "sync")["preserveMissing"] = True
        return document.version

    assert everywhere.change(edit) == "1.0.2"
    assert everywhere.config().settings.sync.preserve_missing


def test_retries_end_with_a_revision_conflict(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = engine.storage
    put(engine, GO)
    interrupted(storage, monkeypatch, 10_000, lambda: put(engine, GO))
    monkeypatch.setattr(document_store, "RETRY_SECONDS", 0.1)
    started = time.monotonic()
    with pytest.raises(RevisionConflict):
        engine.add_server("a", SERVER)
    assert time.monotonic() - started < 20


def test_a_storage_without_revisions_is_read_only() -> None:
    storage = storages["plain"]
    storage.write("config", GO.encode())
    engine = Engine(storage=storage)
    assert [server.name for server in engine.list_servers()] == ["files", "remote"]
    assert json.loads(engine.export_config("engine")) == json.loads(GO)
    seen: list[Any] = []
    engine.on_change(seen.append)
    storage.write("config", GO.replace('"remote"', '"far"').encode())
    wait_for(lambda: len(seen) == 2)
    for verb in (
        lambda: engine.add_server("a", SERVER),
        lambda: engine.remove_server("files"),
        lambda: engine.import_config({"mcpServers": {"a": SERVER}}),
        engine.create_backup,
        lambda: engine.add_destination("key"),
    ):
        with pytest.raises(NotSupported, match="does not support revisions"):
            verb()
    assert storage.list() == ["config"]
