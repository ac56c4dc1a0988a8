"""Auto-sync writes destinations after every change, and recovers from every failure."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from agent_master_storage import storages
from agent_master_storage.admin.addresses import EntryAddress
from agent_master_storage.engine import Document, Engine
from agent_master_storage.engine.destinations import auto_sync
from agent_master_storage.exceptions import StorageUnavailable
from agent_master_storage.testing import wait_for

from ...admin.browser import form_of
from ...support.children import child
from ...watch.test_healing import kill_other_connections, without_log

SERVER = {"command": "uvx"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mcp.json"


def names(path: Path) -> set[str]:
    """Return the servers in a file."""
    return set(json.loads(path.read_text()).get("mcpServers", ())) if path.exists() else set()


def debounce(engine: Engine, seconds: float) -> None:
    def edit(document: Document) -> None:
        document.section("settings", "autoSync")["debounceDelay"] = int(seconds * 1e9)

    engine.change(edit)


def test_it_syncs_at_the_start_and_after_changes(everywhere: Engine, path: Path) -> None:
    everywhere.add_server("before", SERVER)
    everywhere.add_destination("here", path)
    with everywhere.auto_sync(debounce=0.01) as running:
        wait_for(lambda: names(path) == {"before"})
        everywhere.add_server("after", SERVER)
        wait_for(lambda: names(path) == {"before", "after"})
        # Adding a destination is a change of the document too.
        other = path.with_name("other.json")
        everywhere.add_destination("there", other)
        wait_for(lambda: names(other) == {"before", "after"})
        everywhere.disable_server("before")
        wait_for(lambda: names(path) == names(other) == {"after"})
        assert running.running
    assert not running.running
    everywhere.enable_server("before")
    time.sleep(0.1)
    assert names(path) == {"after"}
    running.stop()


def test_the_default_settings_collect_changes_for_half_a_second(
    everywhere: Engine, path: Path
) -> None:
    """The benchmark measures how long a sync takes."""
    everywhere.add_destination("here", path)
    everywhere.add_server("first", SERVER)
    with everywhere.auto_sync():
        wait_for(lambda: names(path) == {"first"})
        everywhere.add_server("second", SERVER)
        wait_for(lambda: names(path) == {"first", "second"})


def test_changes_by_another_process_are_synced(shared: Any, path: Path) -> None:
    engine = Engine(storage=shared)
    engine.add_destination("here", path)
    with (
        engine.auto_sync(debounce=0.01),
        child("tests.support.engine_writer", shared.alias, "a", 5) as script,
    ):
        script.finish()
        wait_for(lambda: names(path) == {f"a{number}" for number in range(5)})


def test_an_edit_in_the_admin_reaches_a_file_that_another_process_syncs(
    shared: Any, path: Path, admin_client: Client
) -> None:
    """The other process is ``manage.py mcp sync --watch``."""
    engine = Engine(storage=shared)
    engine.add_destination("here", path)
    engine.add_server("a", {"command": "before"})
    url = EntryAddress(shared.alias, "config").url("change")
    with child("tests.support.engine_auto_sync", shared.alias) as script:
        script.wait(1)
        wait_for(lambda: names(path) == {"a"})
        form = form_of(admin_client.get(url))
        admin_client.post(url, {**form, "text": form["text"].replace("before", "after")})
        assert shared.entry("config").actor == "admin"
        wait_for(lambda: '"after"' in path.read_text())


def test_changes_in_quick_succession_are_synced_together(engine: Engine, path: Path) -> None:
    engine.add_destination("here", path)
    turns: list[Any] = []
    with engine.auto_sync(debounce=0.3, on_sync=turns.append):
        wait_for(lambda: len(turns) == 1)
        for number in range(20):
            engine.add_server(f"s{number}", SERVER)
        wait_for(lambda: len(names(path)) == 20)
    assert len(turns) <= 3
    assert turns[-1][0].servers_added == 20


def test_a_stream_of_changes_does_not_delay_the_sync(engine: Engine, path: Path) -> None:
    engine.add_destination("here", path)
    engine.add_server("s", SERVER)
    stop = threading.Event()

    def change() -> None:
        for number in range(100_000):
            engine.update_server("s", {"command": f"x{number}"})
            if stop.wait(0.02):
                return

    debounce(engine, 0.2)
    with engine.auto_sync():
        thread = threading.Thread(target=change)
        thread.start()
        try:
            seen: set[str] = set()
            wait_for(lambda: seen.add(path.read_text() if path.exists() else "") or len(seen) > 4)
        finally:
            stop.set()
            thread.join()


def test_the_settings_select_the_destinations(engine: Engine, path: Path) -> None:
    other = path.with_name("other.json")
    engine.add_destination("here", path)
    engine.add_destination("there", other)
    engine.add_server("a", SERVER)

    def edit(document: Document) -> None:
        document.section("settings", "autoSync")["destinations"] = ["there"]

    engine.change(edit)
    with engine.auto_sync(debounce=0):
        wait_for(lambda: names(other) == {"a"})
    assert not path.exists()
    with engine.auto_sync(["here"], debounce=0):
        wait_for(lambda: names(path) == {"a"})
        wait_for(lambda: engine.last_sync("here"))
    assert engine.storage.entry("state:sync:here:last").actor == "auto-sync"


def test_a_failed_sync_is_retried(
    engine: Engine, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(auto_sync, "RETRY_DELAYS", (0.02, 0.1))
    path.write_text("{")
    engine.add_destination("here", path)
    engine.add_server("a", SERVER)
    with engine.auto_sync(debounce=0):
        wait_for(lambda: "auto-sync of 'here' failed" in caplog.text)
        # The file is repaired, and the document does not change.
        path.write_text("{}")
        wait_for(lambda: names(path) == {"a"})


def test_a_store_that_is_unavailable_for_a_while(
    engine: Engine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto_sync, "RETRY_DELAYS", (0.02, 0.1))
    engine.add_destination("here", path)
    read, failures = engine.storage.read, []

    def failing(key: str) -> bytes:
        if len(failures) < 3:
            failures.append(key)
            raise StorageUnavailable("as the test wants it")
        return read(key)

    with engine.auto_sync(debounce=0):
        monkeypatch.setattr(engine.storage, "read", failing)
        engine.add_server("a", SERVER)
        wait_for(lambda: names(path) == {"a"})
    assert len(failures) == 3


@pytest.mark.django_db(transaction=True, databases=["default", "postgres"])
def test_it_recovers_from_lost_connections(path: Path) -> None:
    engine = Engine(storage=storages["postgres"])
    engine.add_destination("here", path)
    killed = 0
    with engine.auto_sync(debounce=0):
        for number in range(5):
            killed += kill_other_connections()
            engine.add_server(f"s{number}", SERVER)
            wait_for(lambda: len(names(path)) == number + 1)  # noqa: B023
    assert killed >= 1


@pytest.mark.django_db(transaction=True, databases=["default", "postgres"])
def test_it_recovers_from_a_table_that_is_missing_for_a_while(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    storage: Any = storages["default"]
    engine = Engine(storage=storage)
    engine.add_destination("here", path)
    engine.add_server("a", SERVER)
    with engine.auto_sync(debounce=0):
        wait_for(lambda: names(path) == {"a"})
        with without_log():
            storage.tail.wake()
            wait_for(lambda: "goes on trying" in caplog.text)
        engine.add_server("b", SERVER)
        wait_for(lambda: names(path) == {"a", "b"})


def test_it_can_be_stopped_by_its_own_handler(engine: Engine, path: Path) -> None:
    engine.add_destination("here", path)
    engine.add_server("a", SERVER)
    stopped: list[Any] = []

    def once(results: Any) -> None:
        wait_for(lambda: bool(running))
        running[0].stop()
        stopped.append(results)

    running: list[Any] = []
    running.append(engine.auto_sync(debounce=0.05, on_sync=once))
    wait_for(lambda: not running[0].running)
    assert len(stopped) == 1


async def test_the_async_twin(engine: Engine, path: Path) -> None:
    await engine.aadd_destination("here", path)
    await engine.aadd_server("a", SERVER)
    running = await engine.aauto_sync(debounce=0)
    wait_for(lambda: names(path) == {"a"})
    running.stop()
