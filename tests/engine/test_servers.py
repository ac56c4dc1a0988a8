"""Adding, changing, removing and listing servers, on every store."""

from __future__ import annotations

from typing import Any

import pytest

from agent_master_storage import actor
from agent_master_storage.engine import Engine, Internal, ServerConfig
from agent_master_storage.engine.exceptions import (
    InvalidServer,
    ServerChanged,
    ServerExists,
    ServerNotFound,
)
from agent_master_storage.exceptions import ValueTooLarge

from .documents import stored

FILES = ServerConfig(command="npx", args=["-y", "server"], metadata={"team": "core"}, timeout=3)


def test_add_get_and_remove(everywhere: Engine) -> None:
    added = everywhere.add_server("files", FILES)
    assert (added.name, added.enabled, added.transport) == ("files", True, "stdio")
    assert added.config == FILES
    assert added.internal.source == "user"
    assert added.internal.sync_targets == ["all"]
    assert everywhere.get_server("files") == added
    with pytest.raises(ServerExists, match="already a server 'files'"):
        everywhere.add_server("files", {"command": "other"})
    assert everywhere.remove_server("files") == added
    for verb in (everywhere.get_server, everywhere.remove_server, everywhere.enable_server):
        with pytest.raises(ServerNotFound, match="no server 'files'"):
            verb("files")
    with pytest.raises(KeyError):
        everywhere.update_server("files", FILES)


def test_another_engine_sees_a_change_immediately(everywhere: Engine, storage: Any) -> None:
    everywhere.add_server("files", FILES)
    assert Engine(storage=storage).get_server("files").config == FILES


def test_add_with_internal_fields(engine: Engine) -> None:
    with actor("ann"):
        server = engine.add_server(
            "a", FILES, internal={"enabled": False, "tags": ["x"], "own": 1, "source": "script"}
        )
    assert not server.enabled
    assert server.internal.created_by == "ann"
    assert (server.internal.tags, server.internal.source) == (["x"], "script")
    assert server.internal.extra == {"own": 1}
    other = engine.add_server("b", FILES, internal=Internal(sync_targets=["cursor"]))
    assert other.enabled
    assert other.internal.sync_targets == ["cursor"]
    with pytest.raises(InvalidServer, match=r"internal\.tags"):
        engine.add_server("c", FILES, internal={"tags": 3})


def test_update_keeps_other_fields(engine: Engine) -> None:
    before = engine.add_server("a", FILES, internal={"tags": ["x"]})
    after = engine.update_server("a", ServerConfig(url="https://a/mcp"))
    assert after.config.to_dict() == {
        "transport": "http",
        "url": "https://a/mcp",
        "metadata": {"team": "core"},
        "timeout": 3,
    }
    assert after.internal.tags == ["x"]
    assert after.internal.last_modified > before.internal.last_modified
    changed = {"url": "https://a/mcp", "timeout": 4, "metadata": {}}
    assert engine.update_server("a", changed).config.to_dict() == {
        "transport": "http",
        "url": "https://a/mcp",
        "timeout": 4,
    }
    # None removes a field that ServerConfig does not name; replace removes all of them.
    gone = engine.update_server("a", {"url": "https://a/mcp", "timeout": None})
    assert gone.config.extra == {}
    engine.update_server("a", FILES)
    replaced = engine.update_server("a", {"command": "x"}, replace=True)
    assert replaced.config.to_dict() == {"transport": "stdio", "command": "x"}
    assert replaced.internal.tags == ["x"]


def test_update_of_internal_fields_only(engine: Engine) -> None:
    engine.add_server("a", FILES)
    server = engine.update_server("a", internal={"sync_targets": ["cursor"], "tags": ["x"]})
    assert (server.config, server.internal.tags) == (FILES, ["x"])
    server = engine.update_server("a", internal={"tags": [], "projectSpecific": True})
    assert server.internal.project_specific
    assert "tags" not in stored(engine)["servers"]["a"]["internal"]
    assert server.internal.sync_targets == ["cursor"]


def test_a_change_without_effect_writes_nothing(engine: Engine) -> None:
    engine.add_server("a", FILES)
    revision = engine.storage.revision
    engine.enable_server("a")
    engine.update_server("a", FILES)
    engine.rename_server("a", "a")
    assert engine.storage.revision == revision


def test_enable_and_disable(everywhere: Engine) -> None:
    everywhere.add_server("a", FILES)
    assert not everywhere.disable_server("a").enabled
    assert not everywhere.get_server("a").enabled
    assert everywhere.enable_server("a").enabled
    assert everywhere.get_server("a").config == FILES


def test_rename_keeps_everything_and_the_position(everywhere: Engine) -> None:
    for name in ("a", "b", "c"):
        everywhere.add_server(name, FILES)
    renamed = everywhere.rename_server("b", "z")
    assert (renamed.name, renamed.config) == ("z", FILES)
    assert list(everywhere.config().servers) == ["a", "z", "c"]
    with pytest.raises(ServerExists):
        everywhere.rename_server("a", "c")
    with pytest.raises(ServerNotFound):
        everywhere.rename_server("b", "d")
    with pytest.raises(InvalidServer, match="name"):
        everywhere.rename_server("a", "")


def test_a_server_that_has_changed_is_not_overwritten(everywhere: Engine) -> None:
    seen = everywhere.add_server("a", FILES)
    everywhere.add_server("b", FILES)
    # Changes of other servers are no conflict.
    everywhere.disable_server("b")
    known = everywhere.enable_server("a", if_unchanged=seen.fingerprint)
    everywhere.update_server("a", {"command": "other"}, if_unchanged=known.fingerprint)
    for verb in (
        lambda: everywhere.update_server("a", FILES, if_unchanged=known.fingerprint),
        lambda: everywhere.disable_server("a", if_unchanged=known.fingerprint),
        lambda: everywhere.rename_server("a", "c", if_unchanged=known.fingerprint),
        lambda: everywhere.remove_server("a", if_unchanged=known.fingerprint),
    ):
        with pytest.raises(ServerChanged, match="has changed since it was read"):
            verb()
    assert everywhere.get_server("a").config.command == "other"


def test_filters(everywhere: Engine) -> None:
    remote = {"url": "https://a/sse", "transport": "sse"}
    everywhere.add_server("git-lab", remote, internal={"source": "import", "tags": ["x", "y"]})
    everywhere.add_server("git-hub", FILES, internal={"syncTargets": ["cursor"]})
    everywhere.add_server(
        "Files", FILES, internal={"enabled": False, "projectSpecific": True, "tags": ["x"]}
    )
    everywhere.add_server("none", FILES, internal={"excludeFromTargets": ["cursor"]})

    def names(**filters: Any) -> list[str]:
        return [server.name for server in everywhere.list_servers(**filters)]

    assert names() == ["Files", "git-hub", "git-lab", "none"]
    assert names(enabled=True) == ["git-hub", "git-lab", "none"]
    assert names(enabled=False) == ["Files"]
    assert names(transport="sse") == ["git-lab"]
    assert names(source="import") == ["git-lab"]
    assert names(name_pattern="git-*") == ["git-hub", "git-lab"]
    assert names(name_pattern="f*") == []
    assert names(sync_targets=["cursor"]) == ["Files", "git-hub", "git-lab"]
    assert names(sync_targets=["other", "cursor"]) == ["Files", "git-hub", "git-lab", "none"]
    assert names(sync_targets=[]) == []
    assert names(project_specific=True) == ["Files"]
    assert names(tags=["x"]) == ["Files", "git-lab"]
    assert names(tags=["x", "y"], enabled=True, transport="sse") == ["git-lab"]


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("", {"command": "x"}, "name: must be a text"),
        (" ", {"command": "x"}, "name: must be a text"),
        ("a" * 257, {"command": "x"}, "has 257 characters, at most 256"),
        ("a\n", {"command": "x"}, "control characters"),
        ("\ud800", {"command": "x"}, "lone surrogates"),
        ("a", {}, "command: is required for the transport stdio"),
        ("a", {"command": " "}, "command: is required"),
        ("a", {"command": "x", "url": "https://a", "transport": "stdio"}, "url: is not allowed"),
        ("a", {"command": "x", "url": "https://a"}, "command: is not allowed"),
        ("a", {"transport": "sse"}, "url: is required for the transport sse"),
        ("a", {"transport": "http", "url": "ftp://a"}, "must begin with http"),
        ("a", {"url": "https://a b"}, "contain no spaces"),
        ("a", {"url": "unix://run/a.sock"}, "unix:///"),
        ("a", {"command": "x", "ARGS": "y"}, "ARGS: would be read as args"),
        ("a", {"command": "x", "Internal": {}}, "internal: is written by the engine"),
        ("a", {"transport": "pigeon", "command": "x"}, "one of stdio, sse, http, streamable-http"),
        ("a", {"command": "x", "args": "one"}, "args: "),
        ("a", {"command": "x", "args": ["a", {}]}, r"args\.1: "),
        ("a", {"command": "x", "env": {"A=B": "c"}}, r"env\.A=B: not a valid name"),
        ("a", {"command": "x", "env": {"A": "c\0"}}, r"env\.A: not a valid name or value"),
        ("a", {"url": "https://a", "headers": {"A B": "c"}}, r"headers\.A B: not a valid header"),
        (
            "a",
            {"url": "https://a", "headers": {"A": "c\r\nB: d"}},
            r"headers\.A: not a valid header",
        ),
        (
            "a",
            {"command": "x", "internal": {"enabled": True}},
            "internal: is written by the engine",
        ),
        ("a", ["command"], "dictionary"),
    ],
)
def test_invalid_servers_are_refused(engine: Engine, name: str, config: Any, message: str) -> None:
    for verb in (engine.add_server, engine.validate_server):
        with pytest.raises(InvalidServer, match=message):
            verb(name, config)
    assert engine.storage.list() == []


@pytest.mark.parametrize(
    "config",
    [
        {"command": "npx", "env": {"A": ""}},
        {"url": "${BASE_URL}/mcp", "transport": "streamable-http"},
        {"url": "HTTP://localhost:8000/sse", "transport": "sse", "headers": {"X-A": "${T}"}},
        {"url": "unix:///run/mcp.sock#/mcp", "transport": "http"},
        {"url": "pipe:///pipe/mcp", "transport": "sse"},
    ],
)
def test_valid_servers_are_accepted(engine: Engine, config: Any) -> None:
    assert engine.validate_server("ü @scope/a.b:c", config).to_dict() == ServerConfig(
        **config
    ).to_dict() | {"transport": config.get("transport", "stdio")}


def test_all_problems_are_reported_together(engine: Engine) -> None:
    with pytest.raises(InvalidServer) as caught:
        engine.add_server("", {"transport": "sse", "command": "x", "headers": {"a b": ""}})
    assert len(caught.value.problems) == 4
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("internal", "message"),
    [
        ({"lastSynced": "yesterday"}, r"internal\.lastSynced: .*not an RFC 3339 time"),
        ({"errorCount": 2**63}, r"internal\.errorCount: "),
        ({"errorCount": -1}, r"internal\.errorCount: "),
        ({"ENABLED": 3}, r"internal\.ENABLED: would be read as enabled"),
    ],
)
def test_internal_fields_that_a_go_engine_would_reject_are_refused(
    engine: Engine, internal: Any, message: str
) -> None:
    with pytest.raises(InvalidServer, match=message):
        engine.add_server("a", {"command": "x"}, internal=internal)
    engine.add_server("a", {"command": "x"})
    with pytest.raises(InvalidServer, match=message):
        engine.update_server("a", internal=internal)


def test_a_document_that_is_too_large_for_the_storage_is_refused() -> None:
    from agent_master_storage.backends.memory import MemoryStorage

    engine = Engine(storage=MemoryStorage(alias="small", max_value_size=3000))
    engine.add_server("a", FILES)
    with pytest.raises(ValueTooLarge):
        engine.add_server("b", {"command": "x" * 3000})
    assert [server.name for server in engine.list_servers()] == ["a"]


async def test_the_async_twins(everywhere: Engine) -> None:
    with actor("ann"):
        server = await everywhere.aadd_server("a", FILES)
    assert server.internal.created_by == "ann"
    assert await everywhere.aget_server("a") == server
    assert not (await everywhere.adisable_server("a")).enabled
    assert await everywhere.alist_servers(enabled=True) == []
    await everywhere.aenable_server("a")
    await everywhere.aupdate_server("a", {"command": "y"})
    await everywhere.arename_server("a", "b")
    assert (await everywhere.aconfig()).server("b").config.command == "y"
    await everywhere.aremove_server("b")
    with pytest.raises(ServerNotFound):
        await everywhere.aget_server("b")
