"""Destinations are stored in the document as the Go engine stores its targets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent_master_storage.engine import Engine
from agent_master_storage.engine.destinations.destination import Destination
from agent_master_storage.engine.exceptions import (
    DestinationExists,
    DestinationNotFound,
    InvalidDestination,
)

from ..documents import put, stored

SERVER = {"command": "uvx"}

ROOT = Path(__file__).parents[3]


def test_add_get_list_update_remove(everywhere: Engine, tmp_path: Path) -> None:
    added = everywhere.add_destination("cursor", tmp_path / "mcp.json")
    assert (added.type, added.path, added.format.name) == (
        "file",
        tmp_path / "mcp.json",
        "mcpServers",
    )
    # Only in fields of the Go engine.
    assert stored(everywhere)["targets"] == {
        "cursor": {
            "name": "cursor",
            "type": "file",
            "enabled": True,
            "configPath": str(tmp_path / "mcp.json"),
            "requiresSanitization": False,
            "supportsProjects": False,
            "configFormat": "mcpServers",
        }
    }
    key = everywhere.add_destination("key", format="vscode", enabled=False)
    assert (key.is_file, key.key) == (False, "targets:key:config")
    assert everywhere.list_destinations() == [added, key]
    assert everywhere.list_destinations(enabled=True) == [added]
    assert everywhere.get_destination("key") == key
    with pytest.raises(DestinationExists, match="already a destination 'key'"):
        everywhere.add_destination("key")
    changed = everywhere.update_destination("key", enabled=True, config_format="claude-desktop")
    assert (changed.enabled, changed.format.name) == (True, "mcpServers")
    assert everywhere.remove_destination("key") == changed
    for verb in (
        everywhere.remove_destination,
        everywhere.get_destination,
        everywhere.update_destination,
        everywhere.preview,
        everywhere.sync,
    ):
        with pytest.raises(DestinationNotFound, match="no destination 'key'"):
            verb("key")


@pytest.mark.parametrize(
    ("path", "format"),
    [
        ("/srv/shop/.vscode/mcp.json", "vscode"),
        ("~/.codex/config.toml", "codex"),
        ("/srv/mcp.json", "mcpServers"),
        ("", "mcpServers"),
    ],
)
def test_the_default_format_is_that_of_the_clients_file(
    engine: Engine, path: str, format: str
) -> None:
    assert engine.add_destination("detected", path).config_format == format
    assert engine.add_destination("asked", path, "zed").config_format == "zed"


def test_targets_of_the_go_engine_are_destinations(engine: Engine) -> None:
    target = {
        "name": "claude",
        "type": "claude",
        "enabled": True,
        "configPath": "~/.claude.json",
        "requiresSanitization": True,
        "supportsProjects": True,
        "configFormat": "project-nested",
        "serverNamePattern": "^[a-zA-Z0-9_-]{1,64}$",
        "later": [1],
    }
    put(engine, json.dumps({"servers": {}, "targets": {"claude": target}}))
    (claude,) = engine.list_destinations()
    assert claude.is_file
    assert claude.path == Path.home() / ".claude.json"
    assert claude.format.name == "mcpServers"
    engine.update_destination("claude", enabled=False)
    assert stored(engine)["targets"]["claude"] == {**target, "enabled": False}


def test_a_broken_destination_does_not_hide_others(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    put(engine, '{"targets": {"bad": 3, "worse": {"enabled": "often"}}, "servers": {}}')
    good = engine.add_destination("good")
    assert engine.list_destinations() == [good]
    assert "the destination 'bad' is not valid" in caplog.text
    engine.add_server("a", SERVER)
    assert [(one.destination, one.success) for one in engine.sync_all()] == [("good", True)]
    with pytest.raises(InvalidDestination, match="enabled"):
        engine.sync("worse")
    assert stored(engine)["targets"]["bad"] == 3


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("", {}, "the name must be a text"),
        ("all", {}, "and not 'all'"),
        ("a\n", {}, "control"),
        ("a" * 512, {}, "512"),
        ("a", {"path": "relative/mcp.json"}, "absolute or begin with ~/"),
        ("a", {"path": "/tmp/\0"}, "absolute"),
        ("a", {"format": "emacs"}, "no format 'emacs'"),
        ("a", {"server_name_pattern": "("}, "serverNamePattern"),
    ],
)
def test_an_invalid_destination_is_refused(
    engine: Engine, name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidDestination, match=message):
        engine.add_destination(name, **options)
    assert engine.storage.list() == []


def test_an_invalid_update_is_refused(engine: Engine, tmp_path: Path) -> None:
    engine.add_destination("a", tmp_path / "x")
    with pytest.raises(InvalidDestination):
        engine.update_destination("a", config_path=Path("x"))
    with pytest.raises(InvalidDestination, match="enabled"):
        engine.update_destination("a", enabled=[])
    with pytest.raises(TypeError, match="no field name, size"):
        engine.update_destination("a", size=3, name="b")
    moved = engine.update_destination("a", config_path=tmp_path / "y")
    assert moved.path == tmp_path / "y"


def test_select_returns_the_servers_that_it_receives(engine: Engine) -> None:
    engine.add_server("a", SERVER)
    engine.add_server("b", SERVER, internal={"enabled": False})
    engine.add_server("c", SERVER, internal={"syncTargets": ["other"]})
    engine.add_server("d", SERVER, internal={"excludeFromTargets": ["here"]})
    engine.add_server("e", SERVER, internal={"syncTargets": ["here", "other"]})

    def taken(name: str, **fields: Any) -> list[str]:
        return list(Destination(name=name, **fields).select(engine.list_servers()))

    assert taken("here") == ["a", "e"]
    assert taken("other") == ["a", "c", "d", "e"]
    assert taken("here", server_name_pattern="^[b-z]$") == ["e"]


def test_unsafe_names_are_sanitized(engine: Engine) -> None:
    for name in ("@scope/one.two", "scope one two", "ü", "x" * 70, "x" * 69):
        engine.add_server(name, SERVER)
    strict = Destination(
        name="here", requires_sanitization=True, server_name_pattern="^[a-zA-Z0-9_-]{1,64}$"
    )
    assert sorted(strict.select(engine.list_servers())) == [
        "scope-one-two",
        "scope-one-two-2",
        "server",
        "x" * 62 + "-2",
        "x" * 64,
    ]


async def test_the_async_twins(everywhere: Engine) -> None:
    added = await everywhere.aadd_destination("key")
    assert await everywhere.alist_destinations() == [added]
    await everywhere.aupdate_destination("key", enabled=False)
    assert not (await everywhere.aget_destination("key")).enabled
    await everywhere.aremove_destination("key")


def test_files_are_restricted_to_directories(engine: Engine, tmp_path: Path, settings: Any) -> None:
    engine.add_destination("before", "/elsewhere/mcp.json")
    settings.AGENT_MASTER_STORAGE_DESTINATION_ROOTS = [tmp_path / "in"]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.json").symlink_to("../out.json")
    for path in ("/etc/passwd", tmp_path / "in" / ".." / "out.json", tmp_path / "in" / "link.json"):
        with pytest.raises(InvalidDestination, match="outside the directories of AGENT_MASTER"):
            engine.add_destination("ev", path)
    engine.add_destination("key")
    engine.add_destination("in", tmp_path / "in" / "mcp.json")
    for name in ("key", "in"):
        with pytest.raises(InvalidDestination, match="/etc/passwd is outside the directories"):
            engine.update_destination(name, type="file", config_path="/etc/passwd")
    assert not engine.update_destination("before", enabled=False).enabled
    assert [one.name for one in engine.list_destinations(enabled=True)] == ["in", "key"]


def test_removing_a_destination_deletes_its_last_sync(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "mcp.json").write_text("no JSON")
    engine.add_destination("cursor", tmp_path / "mcp.json")
    engine.sync_all()
    assert engine.storage.list("state:sync:") == ["state:sync:cursor:last"]
    engine.remove_destination("cursor")
    assert engine.storage.list("state:sync:") == []
    engine.add_destination("cursor", tmp_path / "other.json")
    assert engine.last_sync("cursor") is None


def test_an_unknown_format_is_refused_under_python_O_too() -> None:
    """Python removes assert statements with -O, so a check must not be one."""
    program = """
import django, sys
from django.conf import settings
settings.configure(INSTALLED_APPS=[])
django.setup()
from agent_master_storage.backends.memory import MemoryStorage
from agent_master_storage.engine import Engine
from agent_master_storage.engine.exceptions import InvalidDestination
assert not sys.flags.optimize
try:
    Engine(storage=MemoryStorage(alias="memory")).add_destination("a", format="emacs")
except InvalidDestination as error:
    print(error.field)
"""
    command = [sys.executable, "-O", "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (run.stdout, run.returncode) == ("config_format\n", 0), run.stderr
