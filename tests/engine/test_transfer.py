"""Import and export between the document and the files of clients."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent_master_storage.engine import Engine
from agent_master_storage.engine.exceptions import InvalidDocument, InvalidServer, ServerNotFound
from agent_master_storage.engine.variables import MissingVariable
from agent_master_storage.exceptions import InvalidValue

from .documents import GO, put, stored

CLAUDE = """{
  "mcpServers": {
    "files": {"command": "npx", "args": ["-y", "server"], "env": {"TOKEN": "${TOKEN}"}},
    "remote": {"type": "http", "url": "https://a/mcp", "timeout": 9},
    "off": {"command": "uvx", "disabled": true}
  },
  "theme": "dark"
}"""

VSCODE = """{
  "inputs": [{"type": "promptString", "id": "key", "description": "a key", "password": true}],
  "servers": {"fetch": {"type": "stdio", "command": "uvx", "env": {"KEY": "${input:key}"}}}
}"""

YAML = """
mcpServers:
  files:
    command: npx
    args: [-y, server]
"""

TOML = """
[mcp_servers.files]
command = "npx"
args = ["-y", "server"]
"""


def test_merge_adds_and_updates(everywhere: Engine) -> None:
    everywhere.add_server("mine", {"command": "x"})
    everywhere.add_server(
        "files", {"command": "old", "cwd": "/tmp", "metadata": {"a": 1}}, internal={"tags": ["t"]}
    )
    result = everywhere.import_config(CLAUDE)
    assert result.format == "mcpServers"
    assert (result.added, result.updated) == (("remote", "off"), ("files",))
    files, mine, off, remote = everywhere.list_servers()
    assert files.config.to_dict() == {
        "transport": "stdio",
        "command": "npx",
        "args": ["-y", "server"],
        "env": {"TOKEN": "${TOKEN}"},
        "metadata": {"a": 1},
        "cwd": "/tmp",
    }
    assert (files.enabled, files.internal.tags, files.internal.source) == (True, ["t"], "user")
    assert (remote.internal.source, remote.enabled) == ("import", True)
    assert remote.config.extra == {"timeout": 9}
    assert (mine.enabled, off.enabled) == (True, False)
    again = everywhere.import_config(CLAUDE)
    assert (again.added, again.updated) == ((), ())
    assert again.unchanged == ("files", "remote", "off")


def test_fields_that_the_client_does_not_have_are_kept(engine: Engine) -> None:
    engine.import_config(CLAUDE)
    engine.disable_server("files")
    engine.enable_server("off")
    assert engine.import_config(CLAUDE).updated == ("off",)
    assert not engine.get_server("files").enabled
    assert not engine.get_server("off").enabled


def test_skip_keeps_existing_servers(engine: Engine) -> None:
    before = engine.add_server("files", {"command": "old"})
    result = engine.import_config(CLAUDE, mode="skip", source="laptop")
    assert (result.added, result.skipped) == (("remote", "off"), ("files",))
    assert engine.get_server("files") == before
    assert engine.get_server("remote").internal.source == "laptop"


def test_replace_removes_all_others(engine: Engine) -> None:
    engine.add_server("mine", {"command": "x"})
    engine.add_server("files", {"command": "old", "cwd": "/tmp"}, internal={"tags": ["t"]})
    settings = stored(engine)["settings"]
    result = engine.import_config(CLAUDE, mode="replace")
    assert (result.removed, result.updated) == (("mine",), ("files",))
    files = engine.get_server("files")
    assert (files.config.extra, files.internal.tags) == ({}, ["t"])
    assert stored(engine)["settings"] == settings


def test_whitelist_selects_servers(engine: Engine) -> None:
    assert engine.import_config(CLAUDE, whitelist=["remote"]).added == ("remote",)
    with pytest.raises(InvalidDocument, match="there is no server 'files2', 'x' to import"):
        engine.import_config(CLAUDE, whitelist=["files", "files2", "x"])
    assert engine.import_config(CLAUDE, mode="replace", whitelist=[]).removed == ("remote",)


def test_dry_run_stores_nothing(everywhere: Engine) -> None:
    result = everywhere.import_config(CLAUDE, mode="replace", dry_run=True)
    assert result.added == ("files", "remote", "off")
    assert everywhere.storage.list() == []


@pytest.mark.parametrize(
    ("data", "format"),
    [
        (CLAUDE.encode(), "mcpServers"),
        (json.loads(CLAUDE), "mcpServers"),
        (VSCODE, "vscode"),
        (YAML, "mcpServers"),
        (TOML, "codex"),
        ('{"files": {"command": "npx"}}', "flat"),
        ('{"mcp": {"inputs": [], "servers": {"files": {"command": "npx"}}}}', "vscode-settings"),
    ],
)
def test_the_format_is_detected(engine: Engine, data: Any, format: str) -> None:
    result = engine.import_config(data)
    assert result.format == format
    assert result.added
    assert engine.list_servers()[0].config.command in ("npx", "uvx")


def test_inputs_are_imported_and_exported(engine: Engine) -> None:
    put(engine, '{"metadata": {"inputs": [{"id": "own"}], "other": 1}, "servers": {}}')
    engine.import_config(VSCODE)
    engine.import_config(VSCODE)
    # Under metadata, where the Go engine keeps unknown keys.
    ids = [one["id"] for one in stored(engine)["metadata"]["inputs"]]
    assert ids == ["own", "key"]
    assert stored(engine)["metadata"]["other"] == 1
    exported = json.loads(engine.export_config("vscode"))
    assert exported["servers"]["fetch"]["env"] == {"KEY": "${input:key}"}
    assert exported["inputs"][-1] == json.loads(VSCODE)["inputs"][0]
    engine.import_config(VSCODE, mode="replace")
    assert [one["id"] for one in stored(engine)["metadata"]["inputs"]] == ["key"]


def test_variables_are_replaced_only_on_request(engine: Engine) -> None:
    engine.import_config(CLAUDE)
    assert engine.get_server("files").config.env == {"TOKEN": "${TOKEN}"}
    assert json.loads(engine.export_config())["mcpServers"]["files"]["env"] == {"TOKEN": "${TOKEN}"}
    text = engine.export_config(environment={"TOKEN": "t0ken"})
    assert json.loads(text)["mcpServers"]["files"]["env"] == {"TOKEN": "t0ken"}
    with pytest.raises(MissingVariable, match="TOKEN"):
        engine.export_config(environment={})
    with pytest.raises(MissingVariable, match="TOKEN"):
        engine.import_config(CLAUDE, environment={})
    engine.import_config(CLAUDE, environment={"TOKEN": "t0ken"})
    assert engine.get_server("files").config.env == {"TOKEN": "t0ken"}
    engine.import_config(VSCODE, environment={}, inputs={"key": "k"})
    assert engine.get_server("fetch").config.env == {"KEY": "k"}


def test_the_engines_own_document_is_exported_and_imported(engine: Engine) -> None:
    put(engine, GO)
    text = engine.export_config("engine")
    assert json.loads(text) == json.loads(GO)
    engine.remove_server("files")
    engine.enable_server("remote")
    assert engine.import_config(text).format == "engine"
    # The internal fields of a server are included, such as that it is disabled.
    assert stored(engine)["servers"]["files"] == json.loads(GO)["servers"]["files"]
    assert not engine.get_server("remote").enabled
    assert engine.import_config(text).unchanged == ("files", "remote")


@pytest.mark.parametrize(
    ("part", "where"),
    [
        (
            {"servers": {"a": {"command": "x", "internal": {"enabled": "yes"}}}},
            "servers.a.internal",
        ),
        (
            {"servers": {"a": {"command": "x", "internal": {"errorCount": "3"}}}},
            "servers.a.internal",
        ),
        ({"servers": {"a": {"command": "x", "internal": {"TAGS": 1}}}}, "servers.a.internal"),
        (
            {"servers": {"a": {"command": "x", "internal": {"lastSynced": "?"}}}},
            "servers.a.internal",
        ),
        ({"settings": {"autoSync": {"watchInterval": "1s"}}}, "settings"),
        ({"settings": {"backup": []}}, "settings"),
    ],
)
def test_a_document_that_a_go_engine_would_reject_is_refused(
    engine: Engine, part: Any, where: str
) -> None:
    with pytest.raises(InvalidDocument) as caught:
        engine.import_config({"version": "1.0.2", "servers": {}, **part}, "engine")
    assert caught.value.where == where
    assert engine.storage.list() == []


def test_numbers_in_the_engines_own_document_become_texts(engine: Engine) -> None:
    server = {"transport": "stdio", "command": "x", "args": [1], "env": {"A": 2, "B": None}}
    result = engine.import_config({"version": "1.0.2", "servers": {"a": server}}, "engine")
    assert len(result.warnings) == 3
    assert stored(engine)["servers"]["a"] == {**server, "args": ["1"], "env": {"A": "2"}}


def test_an_export_warns_about_what_its_client_does_not_support(engine: Engine) -> None:
    engine.import_config(VSCODE)
    text = engine.export_config("cursor")
    assert "${input:key}" in text
    assert [warning.partition(":")[0] for warning in text.warnings] == [
        "mcpServers.fetch.env.KEY refers to the input 'key'"
    ]
    assert engine.export_config("vscode").warnings == ()
    assert engine.export_config("cursor", environment={}, inputs={"key": "k"}).warnings == ()


def test_replace_by_the_engines_own_document_replaces_everything(engine: Engine) -> None:
    engine.add_server("mine", {"command": "x"})
    engine.add_destination("key")
    result = engine.import_config(GO, mode="replace")
    assert (result.added, result.removed) == (("files", "remote"), ("mine",))
    assert stored(engine) == json.loads(GO)
    # In a new engine, importing an export yields the same document.
    assert json.loads(engine.export_config("engine")) == json.loads(GO)


@pytest.mark.parametrize("syntax", ["json", "yaml", "toml"])
@pytest.mark.parametrize("format", ["mcpServers", "vscode", "codex", "flat", "windsurf"])
def test_importing_an_export_yields_the_same_servers(
    engine: Engine, format: str, syntax: str
) -> None:
    engine.import_config(CLAUDE)
    before = {server.name: server.config for server in engine.list_servers(enabled=True)}
    text = engine.export_config(format, syntax=syntax)
    engine.import_config(text, mode="replace", syntax=syntax)
    assert {server.name: server.config for server in engine.list_servers()} == before


def test_export_selects_servers(engine: Engine) -> None:
    engine.import_config(CLAUDE)
    assert set(json.loads(engine.export_config())["mcpServers"]) == {"files", "remote"}
    all_of_them = json.loads(engine.export_config(include_disabled=True))["mcpServers"]
    assert all_of_them["off"] == {"command": "uvx", "disabled": True}
    assert list(json.loads(engine.export_config(names=["remote"]))["mcpServers"]) == ["remote"]
    own = json.loads(engine.export_config("engine", names=["off"]))
    assert list(own["servers"]) == ["off"]
    with pytest.raises(ServerNotFound):
        engine.export_config(names=["missing"])
    kept = json.loads(engine.export_config(base={"theme": "dark", "mcpServers": {"old": {}}}))
    assert (kept["theme"], "old" in kept["mcpServers"]) == ("dark", False)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ("", InvalidDocument, "empty"),
        ("{", InvalidDocument, "not JSON"),
        ('["a", 2]', InvalidDocument, "must be an object"),
        ('{"theme": "dark"}', InvalidDocument, "format of the document is unknown"),
        (
            '{"servers": {"a": {"command": "x"}}, "mcpServers": {"b": {"command": "x"}}}',
            InvalidDocument,
            "ambiguous",
        ),
        ('{"mcpServers": {"a": {"command": 3}}}', InvalidDocument, "mcpServers.a.command"),
        ('{"mcpServers": {"a": {"type": "sse"}}}', InvalidDocument, "mcpServers.a"),
        ('{"mcpServers": {"": {"command": "x"}}}', InvalidServer, "name"),
        ('{"mcpServers": {"a": {"url": "ftp://x"}}}', InvalidServer, "'a' is not valid: url"),
        (
            '{"mcpServers": {"a": {"url": "ftp://x"}, "b": {"url": "x"}}}',
            InvalidDocument,
            "2 servers are not valid: .*'a'.*'b'",
        ),
    ],
)
def test_a_refused_import_changes_nothing(
    engine: Engine, data: str, error: type[Exception], message: str
) -> None:
    put(engine, GO)
    for mode in ("merge", "replace", "skip"):
        with pytest.raises(error, match=message):
            engine.import_config(data, mode=mode)
    assert engine.storage.read("config").decode() == GO


def test_invalid_arguments_are_refused(engine: Engine) -> None:
    with pytest.raises(InvalidValue, match="mode must be one of merge, replace, skip"):
        engine.import_config(CLAUDE, mode="overwrite")  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="no format 'emacs'"):
        engine.import_config(CLAUDE, "emacs")
    with pytest.raises(InvalidValue, match="no format 'emacs'"):
        engine.export_config("emacs")
    with pytest.raises(InvalidDocument, match="it is not VS Code"):
        engine.import_config(CLAUDE, "vscode")


async def test_the_async_twins(everywhere: Engine) -> None:
    assert (await everywhere.aimport_config(CLAUDE)).added == ("files", "remote", "off")
    assert "remote" in await everywhere.aexport_config("vscode")
