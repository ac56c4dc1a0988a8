"""Events are found by comparing the document with its previous state."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from agent_master_storage.engine import Document, Engine
from agent_master_storage.engine.events import Event, compare
from agent_master_storage.testing import wait_for

from ..support.children import child
from .documents import GO, put

SERVER = {"command": "uvx"}


class Recorder:
    """A handler that records events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def wait(self, count: int) -> list[tuple[str, str]]:
        wait_for(lambda: len(self.events) >= count)
        return [(event.type, event.name) for event in self.events]


def test_each_change_causes_its_event(everywhere: Engine) -> None:
    recorder = Recorder()
    everywhere.on_change(recorder)
    everywhere.add_server("a", SERVER)
    everywhere.update_server("a", {"command": "npx"})
    everywhere.disable_server("a")
    everywhere.enable_server("a")
    everywhere.rename_server("a", "b")
    everywhere.remove_server("b")

    def edit(document: Document) -> None:
        document.section("settings", "sync")["strategy"] = "merge"

    everywhere.change(edit)
    assert recorder.wait(8) == [
        ("server-added", "a"),
        ("server-updated", "a"),
        ("server-disabled", "a"),
        ("server-enabled", "a"),
        ("server-removed", "a"),
        ("server-added", "b"),
        ("server-removed", "b"),
        ("settings-changed", ""),
    ]
    updated = recorder.events[1]
    assert updated.before is not None
    assert updated.after is not None
    assert (updated.before.config.command, updated.after.config.command) == ("uvx", "npx")
    assert recorder.events[0].before is None
    assert recorder.events[6].after is None


def test_changes_by_another_process_cause_events(shared: Any) -> None:
    recorder = Recorder()
    Engine(storage=shared).on_change(recorder)
    with child("tests.support.engine_writer", shared.alias, "a", 3) as script:
        script.finish()
        assert recorder.wait(3) == [("server-added", f"a{number}") for number in range(3)]


def test_a_plain_write_as_by_the_admin_or_a_go_engine_causes_events(everywhere: Engine) -> None:
    put(everywhere, GO)
    recorder = Recorder()
    everywhere.on_change(recorder)
    changed = GO.replace('"url": "https://mcp', '"url": "https://two').replace("[\n      1,", "[")
    put(everywhere, changed.replace('"files": {', '"disk": {'))
    assert recorder.wait(4) == [
        ("server-added", "disk"),
        ("server-removed", "files"),
        ("server-updated", "remote"),
        ("settings-changed", ""),
    ]


def test_changes_of_bookkeeping_fields_cause_no_event(engine: Engine) -> None:
    put(engine, GO)
    recorder = Recorder()
    engine.on_change(recorder)
    put(engine, GO)
    put(engine, GO.replace("2026-11-23T12:54", "2026-11-24T12:54"))
    put(engine, "{")
    put(engine, "[]")
    engine.storage.write("backups/x", b"")
    put(engine, GO.replace('"remote"', '"far"'))
    assert recorder.wait(2) == [("server-added", "far"), ("server-removed", "remote")]


def test_deleting_the_document_removes_all_servers(engine: Engine) -> None:
    engine.add_server("a", SERVER)
    recorder = Recorder()
    engine.on_change(recorder)
    engine.storage.delete("config")
    engine.add_server("b", SERVER)
    assert recorder.wait(2) == [("server-removed", "a"), ("server-added", "b")]


def test_compare_reports_two_changes_of_one_server_and_tolerates_broken_ones() -> None:
    before = Document.parse('{"servers": {"a": {"command": "x"}, "b": 1, "c": {"internal": 3}}}')
    after = Document.parse(
        '{"servers": {"a": {"command": "y", "internal": {"enabled": true}}, "b": 2, "c": 3}}'
    )
    assert [(event.type, event.name) for event in compare(before, after)] == [
        ("server-updated", "a"),
        ("server-enabled", "a"),
        ("server-updated", "b"),
        ("server-updated", "c"),
    ]
    assert list(compare(after, after.copy())) == []


def test_a_handler_that_raises_is_logged_and_unsubscribe_ends_the_calls(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    recorder, bad = Recorder(), threading.Event()

    def handler(event: Event) -> None:
        recorder(event)
        if not bad.is_set():
            bad.set()
            raise LookupError("as the test wants it")

    unsubscribe = engine.on_change(handler)
    put(engine, GO)
    assert len(recorder.wait(3)) == 3
    assert "the handler of server-added 'files' raised" in caplog.text
    unsubscribe()
    engine.remove_server("files")
    other = Recorder()
    engine.on_change(other)
    engine.remove_server("remote")
    other.wait(1)
    assert len(recorder.events) == 3


async def test_the_async_twin(engine: Engine) -> None:
    recorder = Recorder()
    unsubscribe = await engine.aon_change(recorder)
    await engine.aadd_server("a", SERVER)
    recorder.wait(1)
    unsubscribe()
