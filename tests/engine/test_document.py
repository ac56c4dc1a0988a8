"""The stored document is written as the Go engine does, and unknown keys survive."""

from __future__ import annotations

import json

import pytest

from agent_master_storage.engine import Document, Engine
from agent_master_storage.engine.exceptions import InvalidDocument, ServerExists, ServerNotFound

from .documents import GO, put, stored


def test_dump_returns_the_parsed_bytes() -> None:
    assert Document.parse(GO.encode()).dump().decode() == GO


def test_typed_views_of_settings_and_servers() -> None:
    document = Document.parse(GO)
    files, remote = document.list()
    assert (files.name, files.transport, files.enabled) == ("files", "stdio", True)
    assert files.config.args[-1] == "/tmp"
    assert files.config.env == {"TOKEN": "${TOKEN}"}
    assert files.config.extra == {"timeout": 30.5}
    assert files.internal.last_modified == "2026-11-23T12:54:04.633719979Z"
    assert files.internal.extra == {"mood": {"of": "the engine"}}
    # A missing "enabled" means disabled.
    assert (remote.transport, remote.enabled) == ("sse", False)
    assert remote.config.headers == {"Authorization": "Bearer ${T}"}
    assert document.settings.auto_sync.debounce_seconds == 0.5
    assert document.settings.backup.max_backups == 10
    assert document.settings.extra["colour"] == [1, None, "ü"]


@pytest.mark.parametrize("change", ["disable", "enable", "update", "rename", "add", "remove"])
def test_a_change_affects_nothing_else(engine: Engine, change: str) -> None:
    put(engine, GO)
    expected = json.loads(GO)
    if change == "disable":
        engine.disable_server("files")
        del expected["servers"]["files"]["internal"]["enabled"]
    elif change == "enable":
        engine.enable_server("remote")
        expected["servers"]["remote"]["internal"]["enabled"] = True
    elif change == "update":
        engine.update_server("files", {"command": "uvx", "args": ["x"]})
        expected["servers"]["files"].update(command="uvx", args=["x"])
        del expected["servers"]["files"]["env"]
    elif change == "rename":
        engine.rename_server("files", "disk")
        expected["servers"] = {
            "disk" if name == "files" else name: server
            for name, server in expected["servers"].items()
        }
    elif change == "add":
        engine.add_server("new", {"command": "uvx"})
        assert stored(engine)["servers"].pop("new")["command"] == "uvx"
        expected["servers"]["new"] = stored(engine)["servers"]["new"]
    else:
        engine.remove_server("remote")
        del expected["servers"]["remote"]
    found = stored(engine)
    assert list(found["servers"]) == list(expected["servers"])
    for name, server in expected["servers"].items():
        now = found["servers"][name]["internal"].pop("lastModified")
        before = server["internal"].pop("lastModified")
        touched = {"disable": "files", "update": "files", "enable": "remote", "rename": "disk"}
        assert (now > before) == (name == touched.get(change))
    assert found == expected


def test_a_new_server_is_written_as_go_writes_it(engine: Engine) -> None:
    engine.add_server("files", {"command": "npx", "args": ["-y"], "env": {"A": "b"}})
    text = engine.storage.read("config").decode()
    server = json.loads(text)["servers"]["files"]
    modified = server["internal"]["lastModified"]
    # False and empty fields are omitted. The others are in Go's order.
    assert json.dumps(server) == json.dumps(
        {
            "transport": "stdio",
            "command": "npx",
            "args": ["-y"],
            "env": {"A": "b"},
            "internal": {
                "enabled": True,
                "lastSynced": "0001-01-01T00:00:00Z",
                "lastModified": modified,
                "source": "user",
                "syncTargets": ["all"],
            },
        }
    )
    assert text.startswith('{\n  "version": "1.0.2",\n  "servers": {\n    "files": {\n')
    engine.disable_server("files")
    assert "enabled" not in stored(engine)["servers"]["files"]["internal"]


def test_an_empty_storage_has_the_initial_document_of_the_go_engine(engine: Engine) -> None:
    document = engine.config()
    assert document.data["settings"]["autoSync"] == {
        "enabled": False,
        "watchInterval": 1_000_000_000,
        "debounceDelay": 500_000_000,
    }
    assert document.list() == []
    # Reading writes nothing.
    assert engine.storage.list() == []


def test_nulls_are_read_as_missing(engine: Engine) -> None:
    put(engine, '{"servers": {"a": {"command": "x", "args": null, "internal": null}}}')
    server = engine.get_server("a")
    assert (server.config.args, server.enabled, server.problems) == ([], False, ())
    put(engine, '{"servers": null}')
    assert engine.list_servers() == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "must be an object, not a list"),
        ('{"servers": []}', "servers: must be an object, not a list"),
        ('{"mcpServers": {}}', "has 'mcpServers' and no 'servers'"),
        ('{"servers": {}, "a": NaN}', "not JSON"),
    ],
)
def test_a_value_that_is_not_a_document_is_refused_and_kept(
    engine: Engine, text: str, message: str
) -> None:
    put(engine, text)
    for verb in (
        engine.config,
        engine.list_servers,
        lambda: engine.add_server("a", {"url": "http://a"}),
    ):
        with pytest.raises(InvalidDocument, match="(?s)" + message.replace("(", r"\(")):
            verb()
    assert engine.storage.read("config") == text.encode()


def test_a_broken_server_does_not_hide_others(engine: Engine) -> None:
    put(
        engine,
        '{"servers": {"bad": {"command": 7, "args": "x", "url": [1], "keep": 1}, "worse": 3,'
        ' "odd": {"command": "x", "internal": "on"}, "good": {"command": "x"}}}',
    )
    bad, good, odd, worse = engine.list_servers()
    assert good.problems == ()
    assert {problem.split(":")[0] for problem in bad.problems} == {"args", "url"}
    assert bad.config.extra == {"keep": 1}
    assert worse.problems == ("must be an object, not a number",)
    assert odd.problems == ("internal.must be an object, not a string",)
    with pytest.raises(InvalidDocument, match=r"servers\.worse: must be an object"):
        engine.enable_server("worse")
    with pytest.raises(InvalidDocument, match=r"servers\.odd\.internal: must be an object"):
        engine.enable_server("odd")
    # Broken ones can be removed and replaced.
    engine.remove_server("worse")
    assert engine.update_server("bad", {"command": "y"}, replace=True).problems == ()
    assert stored(engine)["servers"]["bad"]["command"] == "y"


def test_a_document_can_be_changed_without_an_engine() -> None:
    document = Document.new()
    document.insert("a", {"command": "x"})
    with pytest.raises(ServerExists):
        document.insert("a", {})
    with pytest.raises(ServerNotFound):
        document.remove("b")
    copy = document.copy()
    copy.section("settings", "sync")["strategy"] = "merge"
    copy.remove("a")
    assert document.server("a").config.command == "x"
    assert document.data["settings"]["sync"] == {}
    document.data["settings"] = 3
    with pytest.raises(InvalidDocument, match="settings: must be an object, not a number"):
        document.section("settings", "sync")
