"""Both engines on one store: each reads and preserves what the other writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agent_master_storage.engine import Engine

from . import go_engine
from .documents import put, stored

SERVER = {"command": "uvx", "args": ["a<b>&c"], "env": {"TOKEN": "${TOKEN}"}}


def go_writes(engine: Engine, **servers: Any) -> None:
    """Read the document, add servers and write it, as a Go engine does."""
    document = json.loads(go_engine.rewritten(engine.storage.read("config")))
    document["servers"] |= servers
    put(engine, go_engine.dumped(document))


def test_a_new_document_is_that_of_go(everywhere: Engine) -> None:
    everywhere.add_server("b", SERVER)
    everywhere.add_server("a", {"url": "https://a", "transport": "sse", "headers": {"X": "y"}})
    everywhere.disable_server("a")
    ours = everywhere.storage.read("config")
    # Go sorts by name and escapes characters; the content is the same.
    assert json.loads(go_engine.rewritten(ours)) == json.loads(ours)
    everywhere.rename_server("a", "c")
    ours = everywhere.storage.read("config")
    theirs = go_engine.rewritten(ours).decode()
    assert theirs.encode().decode("unicode_escape") == ours.decode()


def test_go_preserves_our_document(everywhere: Engine, tmp_path: Path) -> None:
    everywhere.import_config(
        {
            "inputs": [{"type": "promptString", "id": "key", "password": True}],
            "servers": {"a": {"type": "stdio", "command": "x", "env": {"K": "${input:key}"}}},
        }
    )
    everywhere.add_server(
        "b", {**SERVER, "metadata": {"team": {"of": [1]}}}, internal={"tags": ["t"]}
    )
    everywhere.add_destination("cursor", tmp_path / "mcp.json", server_name_pattern="^a")
    everywhere.add_destination("key", format="vscode")
    servers, destinations = everywhere.list_servers(), everywhere.list_destinations()
    exported = everywhere.export_config("vscode")
    go_writes(everywhere, c={"transport": "stdio", "command": "x", "internal": {}})
    assert everywhere.list_servers(name_pattern="[ab]") == servers
    assert everywhere.list_destinations() == destinations
    # Go sorts inside metadata too.
    again = everywhere.export_config("vscode", names=["a", "b"])
    assert json.loads(again) == json.loads(exported)
    # A document of Go to which nothing was added is not written again.
    revision = everywhere.storage.revision
    everywhere.disable_server("c")
    assert everywhere.storage.revision == revision


def test_alternating_changes_lose_nothing(everywhere: Engine) -> None:
    for number in range(5):
        everywhere.add_server(f"ours{number}", SERVER)
        go_writes(everywhere, **{f"go{number}": {"transport": "stdio", "command": "x"}})
    assert len(stored(everywhere)["servers"]) == 10
    assert everywhere.get_server("ours0").config.args == ["a<b>&c"]


def test_each_engine_restores_backups_of_the_other(everywhere: Engine) -> None:
    everywhere.add_server("a", SERVER)
    ours = everywhere.create_backup("from Python")
    notes = stored(everywhere, f"backup-meta:{ours.id}")
    assert list(notes) == ["id", "path", "timestamp", "size", "type", "description"]
    # The Go engine would read its document from the backup and write it.
    put(everywhere, go_engine.rewritten(everywhere.storage.read(f"backups/{ours.id}")))
    assert everywhere.get_server("a").config.command == "uvx"
