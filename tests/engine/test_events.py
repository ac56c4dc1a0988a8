"""Events: told of whoever did it, by comparing the document with what it was."""

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


class Heard:
    """A handler that keeps what it was told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def wait(self, count: int) -> list[tuple[str, str]]:
        wait_for(lambda: len(self.events) >= count)
        return [(event.type, event.name) for event in self.events]


def test_each_kind(everywhere: Engine) -> None:
    heard = Heard()
    everywhere.on_change(heard)
    everywhere.add_server("a", SERVER)
    everywhere.update_server("a", {"command": "npx"})
    everywhere.disable_server("a")
    everywhere.enable_server("a")
    everywhere.rename_server("a", "b")
    everywhere.remove_server("b")

    def edit(document: Document) -> None:
        document.section("settings", "sync")["strategy"] = "merge"

    everywhere.change(edit)
    assert heard.wait(8) == [
        ("server-added", "a"),
        ("server-updated", "a"),
        ("server-disabled", "a"),
        ("server-enabled", "a"),
        ("server-removed", "a"),
        ("server-added", "b"),
        ("server-removed", "b"),
        ("settings-changed", ""),
    ]
    updated = heard.events[1]
    assert updated.before is not None
    assert updated.after is not None
    assert (updated.before.config.command, updated.after.config.command) == ("uvx", "npx")
    assert heard.events[0].before is None
    assert heard.events[6].after is None


def test_what_another_process_does(shared: Any) -> None:
    heard = Heard()
    Engine(storage=shared).on_change(heard)
    with child("tests.engine.add_servers", shared.alias, "a", 3) as script:
        script.finish()
        assert heard.wait(3) == [("server-added", f"a{number}") for number in range(3)]


def test_what_a_plain_write_does(everywhere: Engine) -> None:
    """As the admin, the REST API or a Go engine writes."""
    put(everywhere, GO)
    heard = Heard()
    everywhere.on_change(heard)
    changed = GO.replace('"url": "https://mcp', '"url": "https://two').replace("[\n      1,", "[")
    put(everywhere, changed.replace('"files": {', '"disk": {'))
    assert heard.wait(4) == [
        ("server-added", "disk"),
        ("server-removed", "files"),
        ("server-updated", "remote"),
        ("settings-changed", ""),
    ]


def test_what_is_no_news(engine: Engine) -> None:
    put(engine, GO)
    heard = Heard()
    engine.on_change(heard)
    put(engine, GO)
    put(engine, GO.replace("2026-11-23T12:54", "2026-11-24T12:54"))
    put(engine, "{")
    put(engine, "[]")
    engine.storage.write("backups/x", b"")
    put(engine, GO.replace('"remote"', '"far"'))
    assert heard.wait(2) == [("server-added", "far"), ("server-removed", "remote")]


def test_a_document_that_is_deleted(engine: Engine) -> None:
    engine.add_server("a", SERVER)
    heard = Heard()
    engine.on_change(heard)
    engine.storage.delete("config")
    engine.add_server("b", SERVER)
    assert heard.wait(2) == [("server-removed", "a"), ("server-added", "b")]


def test_both_at_once_and_broken_ones() -> None:
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


def test_a_handler_that_raises_and_the_end(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    heard, bad = Heard(), threading.Event()

    def handler(event: Event) -> None:
        heard(event)
        if not bad.is_set():
            bad.set()
            raise LookupError("as the test wants it")

    unsubscribe = engine.on_change(handler)
    put(engine, GO)
    assert len(heard.wait(3)) == 3
    assert "the handler of server-added 'files' raised" in caplog.text
    unsubscribe()
    engine.remove_server("files")
    other = Heard()
    engine.on_change(other)
    engine.remove_server("remote")
    other.wait(1)
    assert len(heard.events) == 3


async def test_the_async_twin(engine: Engine) -> None:
    heard = Heard()
    unsubscribe = await engine.aon_change(heard)
    await engine.aadd_server("a", SERVER)
    heard.wait(1)
    unsubscribe()
