"""Preview and sync of files and of keys of the storage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agent_master_storage import serialization as wire
from agent_master_storage.engine import Document, Engine
from agent_master_storage.engine.destinations import files
from agent_master_storage.engine.destinations.destination import Destination
from agent_master_storage.engine.exceptions import DestinationUnavailable, InvalidDestination

from ..documents import put

TOKEN = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
#: a file written by a person: comments, other keys, other servers
SETTINGS = """{
    // what I like
    "theme": "dark", /* not light */
    "mcpServers": {
        "mine": {"command": "old"},
        "both": {"command": "before", "env": {"API_TOKEN": "TOKEN"}}
    },
    "sizes": [1, 2,],
}
""".replace('"TOKEN"', f'"{TOKEN}"')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "settings.json"
    path.write_text(SETTINGS)
    return path


def fill(engine: Engine, path: Path | str, **options: Any) -> None:
    engine.add_destination("here", path, **options)
    engine.add_server("new", {"url": "https://a/mcp"})
    engine.add_server("both", {"command": "after", "env": {"API_TOKEN": TOKEN[::-1]}})
    engine.add_server("off", {"command": "x"}, internal={"enabled": False})


def settings(engine: Engine, **sections: dict[str, Any]) -> None:
    def edit(document: Document) -> None:
        for name, fields in sections.items():
            document.section("settings", name).update(fields)

    engine.change(edit)


def test_preview_shows_what_a_sync_would_do(everywhere: Engine, path: Path) -> None:
    fill(everywhere, path)
    preview = everywhere.preview("here")
    assert (preview.added, preview.changed, preview.removed) == (("new",), ("both",), ("mine",))
    assert preview.differs
    assert '-  "command": "before"' in preview.diff
    assert '+  "command": "after"' in preview.diff
    assert TOKEN not in preview.diff
    assert TOKEN[::-1] not in preview.diff
    # The diff shows that a secret has changed, but neither value.
    assert "(changed)" in preview.diff
    assert path.read_text() == SETTINGS
    everywhere.sync("here")
    after = everywhere.preview("here")
    assert (after.differs, after.diff, after.unchanged) == (False, "", ("both", "new"))


def test_sync_keeps_everything_else_in_the_file(everywhere: Engine, path: Path) -> None:
    path.chmod(0o640)
    fill(everywhere, path)
    result = everywhere.sync("here")
    assert result.success
    assert (result.servers_added, result.servers_updated, result.servers_removed) == (1, 1, 1)
    text = path.read_text()
    before, _, rest = SETTINGS.partition('{\n        "mine"')
    assert text.startswith(before)
    assert text.endswith(rest.partition("    },")[2])
    found = wire.loads(text.split('"mcpServers": ')[1].split(',\n    "sizes"')[0])
    assert found == {
        "both": {"command": "after", "env": {"API_TOKEN": TOKEN[::-1]}},
        "new": {"type": "http", "url": "https://a/mcp"},
    }
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in path.parent.iterdir() if one != path] == [".backups"]


def test_sync_backs_up_first(engine: Engine, path: Path) -> None:
    path.chmod(0o640)
    fill(engine, path)
    result = engine.sync("here")
    copy = Path(result.backup_path)
    assert copy.read_text() == SETTINGS
    assert copy.parent == path.parent / ".backups"
    assert copy.stat().st_mode & 0o777 == 0o640
    assert copy.parent.stat().st_mode & 0o777 == 0o700
    settings(engine, backup={"maxBackups": 3})
    for number in range(6):
        engine.add_server(f"s{number}", {"command": "x"})
        engine.sync("here")
    assert len(list(copy.parent.iterdir())) == 3
    assert not copy.exists()
    engine.add_server("more", {"command": "x"})
    assert engine.sync("here", backup=False).backup_path == ""
    settings(engine, backup={"enabled": False})
    engine.add_server("most", {"command": "x"})
    assert engine.sync("here").backup_path == ""
    engine.remove_server("most")
    assert engine.sync("here", backup=True).backup_path


def test_sync_that_changes_nothing_writes_nothing(everywhere: Engine, path: Path) -> None:
    fill(everywhere, path)
    assert everywhere.sync("here").written
    written, revision = path.stat().st_mtime_ns, everywhere.storage.revision
    result = everywhere.sync("here")
    assert (result.success, result.written, result.changes, result.backup_path) == (
        True,
        False,
        [],
        "",
    )
    assert path.stat().st_mtime_ns == written
    assert everywhere.storage.revision == revision


def test_a_dry_run_writes_nothing(everywhere: Engine, path: Path) -> None:
    fill(everywhere, path)
    revision = everywhere.storage.revision
    result = everywhere.sync("here", dry_run=True)
    assert (result.written, result.dry_run, result.servers_added) == (True, True, 1)
    assert path.read_text() == SETTINGS
    assert everywhere.storage.revision == revision
    assert not (path.parent / ".backups").exists()


def test_a_missing_file_is_created(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "mcp.json"
    engine.add_destination("here", path)
    # Without servers, nothing is written.
    assert not engine.sync("here").written
    assert not path.exists()
    engine.add_server("new", {"command": "x"})
    engine.sync("here")
    assert path.read_text() == (
        '{\n  "mcpServers": {\n    "new": {\n      "command": "x"\n    }\n  }\n}\n'
    )
    # It may contain tokens.
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "  \n", "{}", '{"mcpServers": null}', "\ufeff{}"])
def test_servers_are_added_to_a_file_without_servers(
    engine: Engine, path: Path, content: str
) -> None:
    path.write_text(content)
    fill(engine, path)
    assert engine.sync("here").servers_added == 2
    assert set(json.loads(path.read_text())["mcpServers"]) == {"new", "both"}


def test_a_symbolic_link_is_kept(engine: Engine, path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(path.name)
    fill(engine, link)
    engine.sync("here")
    assert link.is_symlink()
    assert '"after"' in path.read_text()


def test_other_servers_can_be_kept(engine: Engine, path: Path) -> None:
    fill(engine, path)
    assert engine.preview("here", keep_others=True).removed == ()
    settings(engine, sync={"preserveMissing": True})
    assert engine.sync("here").servers_removed == 0
    assert '"mine"' in path.read_text()
    assert engine.sync("here", keep_others=False).servers_removed == 1


def test_toml_and_yaml_files_are_synced(engine: Engine, tmp_path: Path) -> None:
    toml, yaml = tmp_path / "config.toml", tmp_path / "mcp.yaml"
    toml.write_text('# mine\nmodel = "x" # best\n\n[mcp_servers.old]\ncommand = "q"\n')
    yaml.write_text("theme: dark\nmcpServers:\n  old: {command: q}\n")
    engine.add_server("new", {"command": "x", "args": ["a"]})
    engine.add_destination("codex", toml, "codex")
    engine.add_destination("yaml", yaml)
    assert [result.servers_added for result in engine.sync_all()] == [1, 1]
    assert toml.read_text().startswith('# mine\nmodel = "x" # best\n')
    assert '[mcp_servers.new]\ncommand = "x"\nargs = ["a"]\n' in toml.read_text()
    assert "old" not in toml.read_text()
    assert yaml.read_text().startswith("theme: dark\nmcpServers:\n  new:\n")
    assert not any(result.written for result in engine.sync_all())


def test_inputs_are_written_with_the_servers(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text('{"inputs": [{"id": "theirs"}], "servers": {}}')
    engine.import_config(
        '{"inputs": [{"id": "key", "type": "promptString"}],'
        ' "servers": {"a": {"type": "stdio", "command": "x", "env": {"K": "${input:key}"}}}}'
    )
    engine.add_destination("vscode", path, "vscode")
    engine.sync("vscode")
    assert [one["id"] for one in json.loads(path.read_text())["inputs"]] == ["theirs", "key"]


def test_inputs_that_a_client_does_not_support_cause_a_warning(engine: Engine, path: Path) -> None:
    fill(engine, path)
    engine.update_server("new", {"url": "https://a/mcp", "headers": {"X": "${input:x}"}})
    warning = "mcpServers.new.headers.X refers to the input 'x'"
    assert warning in "".join(engine.preview("here").warnings)
    assert warning in "".join(engine.sync("here").warnings)


def test_servers_of_a_project_are_written_under_projects_that_the_client_knows(
    engine: Engine, tmp_path: Path
) -> None:
    """The Go engine writes ~/.claude.json in this way."""
    path = tmp_path / ".claude.json"
    path.write_text(
        '{"projects": {"/src/a": {"history": [1], "mcpServers": {"old": {"command": "x"}}},'
        ' "/src/b": {"mcpServers": {"kept": {"command": "x"}}}}, "startups": 3}'
    )
    engine.add_server("everywhere", {"command": "e"})
    for name, project in (("one", "/src/a"), ("two", "/src/unknown")):
        internal = {"projectSpecific": True, "projectPath": project}
        engine.add_server(name, {"command": name}, internal=internal)
    engine.add_destination("claude", path, "claude-code", supports_projects=True)
    preview = engine.preview("claude")
    assert preview.added == ("everywhere", "one (/src/a)")
    assert preview.removed == ("old (/src/a)",)
    engine.sync("claude")
    assert json.loads(path.read_text()) == {
        "projects": {
            "/src/a": {"history": [1], "mcpServers": {"one": {"command": "one"}}},
            "/src/b": {"mcpServers": {"kept": {"command": "x"}}},
        },
        "startups": 3,
        "mcpServers": {"everywhere": {"command": "e"}},
    }
    assert path.read_text().startswith('{"projects": {"/src/a": {"history": [1], ')
    assert not engine.sync("claude").written
    # Without support of projects, they are servers like any other.
    engine.update_destination("claude", supports_projects=False, enabled=True)
    assert engine.preview("claude").added == ("one", "two")


def test_a_file_of_a_client_may_be_larger_than_an_import(engine: Engine, path: Path) -> None:
    """Some clients keep all their state in it."""
    path.write_text(json.dumps({"history": ["x" * 100] * 30_000, "mcpServers": {}}))
    fill(engine, path)
    assert engine.sync("here").servers_added == 2
    assert len(json.loads(path.read_text())["history"]) == 30_000


def test_a_key_of_the_storage_is_synced(everywhere: Engine) -> None:
    fill(everywhere, "", format="vscode")
    put(
        everywhere,
        '{"own": 1, "servers": {"mine": {"type": "stdio", "command": "x"}}}',
        "targets:here:config",
    )
    assert everywhere.preview("here").removed == ("mine",)
    result = everywhere.sync("here")
    assert (result.servers_added, result.servers_removed) == (2, 1)
    found = wire.loads(everywhere.storage.read("targets:here:config"))
    assert (found["own"], sorted(found["servers"])) == (1, ["both", "new"])
    assert not everywhere.sync("here").written


def test_a_key_that_is_written_in_between_is_read_again(
    everywhere: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(everywhere, "")
    storage, entry, late = everywhere.storage, everywhere.storage.entry, [1, 2]

    def read_and_write(key: str, **options: Any) -> Any:
        try:
            return entry(key, **options)
        finally:
            if late and key == "targets:here:config":
                storage.write(key, json.dumps({"theirs": late.pop()}).encode())

    monkeypatch.setattr(storage, "entry", read_and_write)
    everywhere.sync("here")
    assert wire.loads(storage.read("targets:here:config"))["theirs"] == 1


def test_a_file_that_its_client_writes_in_between_is_read_again(
    engine: Engine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(engine, path)
    read, late = files.read, ["light", "blue"]

    def read_and_write(where: Path) -> files.Read:
        found = read(where)
        if late:
            path.write_text(SETTINGS.replace("dark", late.pop()))
        return found

    monkeypatch.setattr(files, "read", read_and_write)
    engine.sync("here")
    assert '"theme": "light"' in path.read_text()
    assert '"after"' in path.read_text()


def test_sync_all_continues_after_a_failure(engine: Engine, path: Path, tmp_path: Path) -> None:
    fill(engine, path)
    engine.add_destination("broken", tmp_path)
    engine.add_destination("key")
    engine.add_destination("off", tmp_path / "off.json", enabled=False)
    broken, here, key = engine.sync_all()
    assert (here.destination, here.success, key.destination, key.success) == (
        "here",
        True,
        "key",
        True,
    )
    assert (broken.destination, broken.success) == ("broken", False)
    assert "broken" in broken.errors[0]["error"]
    assert not (tmp_path / "off.json").exists()
    assert [one.destination for one in engine.sync_all(["key", "missing"])] == ["key", "missing"]
    with pytest.raises(InvalidDestination, match="disabled"):
        engine.sync("off")


def test_a_destination_need_not_be_stored(engine: Engine, path: Path) -> None:
    engine.add_server("new", {"command": "x"})
    passing = Destination(name="passing", enabled=True, config_path=str(path))
    assert engine.preview(passing).added == ("new",)
    assert engine.sync(passing).servers_added == 1
    assert engine.list_destinations() == []


def test_last_sync_returns_the_stored_result(everywhere: Engine, path: Path) -> None:
    fill(everywhere, path)
    assert everywhere.last_sync("here") is None
    result = everywhere.sync("here")
    assert everywhere.last_sync("here") == result
    noted = wire.loads(everywhere.storage.read("state:sync:here:last"))
    assert {"destination", "success", "serversAdded", "serversUpdated", "serversRemoved"} <= set(
        noted
    )
    assert TOKEN not in json.dumps(noted)
    path.write_text("{")
    for _ in range(2):
        with pytest.raises(DestinationUnavailable):
            everywhere.sync("here")
        revision = everywhere.storage.revision
    # The same failure is stored once.
    failed = everywhere.last_sync("here")
    assert failed is not None
    assert (failed.success, everywhere.storage.revision) == (False, revision)
    assert "not JSON" in failed.errors[0]["error"]


def test_the_document_is_backed_up_before_a_sync_if_so_configured(
    engine: Engine, path: Path
) -> None:
    fill(engine, path)
    settings(engine, backup={"beforeSync": True})
    engine.sync("here")
    engine.sync("here")
    (backup,) = engine.list_backups()
    assert (backup.type, backup.description) == ("pre-sync", "before the sync of here")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[]", "must contain an object"),
        ('{"mcpServers": []}', "mcpServers: must be an object"),
        ('{"mcpServers": {"a": {"command": 3}}}', r"mcpServers\.a\.command"),
        ('{"a": 1, "a": 2}', "duplicate key"),
        ('{"servers": {"a": {"type": "stdio", "command": "x"}}}', "this is VS Code"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_a_file_whose_content_could_not_be_preserved_is_not_written(
    engine: Engine, path: Path, content: str | bytes, message: str
) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = path.read_bytes()
    fill(engine, path)
    for verb in (engine.preview, engine.sync):
        with pytest.raises(DestinationUnavailable, match=f"(?s)settings.json.*{message}"):
            verb("here")
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_what_is_not_a_regular_file_is_unavailable(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    for name in (".", "file/below", "loop"):
        target = Destination(name="x", enabled=True, config_path=str(tmp_path / name))
        with pytest.raises(DestinationUnavailable) as caught:
            engine.preview(target)
        assert isinstance(caught.value.__cause__, OSError | RuntimeError)
    # Another program may have written such destinations.
    for path in ("", "relative/mcp.json", "/tmp/\0", "~nobody-of-this-name/mcp.json"):
        with pytest.raises(DestinationUnavailable):
            engine.preview(Destination(name="x", enabled=True, config_path=path))


def test_files_can_be_restricted_to_directories(
    engine: Engine, tmp_path: Path, settings: Any
) -> None:
    settings.AGENT_MASTER_STORAGE_DESTINATION_ROOTS = [str(tmp_path / "in")]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.json").symlink_to("../out.json")
    engine.add_server("new", {"command": "x"})
    for name in ("out.json", "in/../out.json", "in/link.json", "inside.json"):
        target = Destination(name="x", enabled=True, config_path=str(tmp_path / name))
        with pytest.raises(DestinationUnavailable, match="DESTINATION_ROOTS"):
            engine.sync(target)
    target = Destination(name="x", enabled=True, config_path=str(tmp_path / "in" / "mcp.json"))
    assert engine.sync(target).written
    assert not (tmp_path / "out.json").exists()


def test_an_invalid_server_does_not_prevent_the_sync_of_others(engine: Engine, path: Path) -> None:
    put(
        engine,
        '{"servers": {"bad": {"transport": "sse", "internal": {"enabled": true, "syncTargets":'
        ' ["all"]}}, "good": {"command": "x", "internal": {"enabled": true, "syncTargets":'
        ' ["all"]}}, "worse": 3}}',
    )
    engine.add_destination("here", path)
    result = engine.sync("here")
    assert result.servers_added == 1
    assert result.warnings == [
        "the server 'bad' is left out: url: is required for the transport sse"
    ]
    assert engine.preview("here").warnings == tuple(result.warnings)


async def test_the_async_twins(everywhere: Engine, path: Path) -> None:
    await sync_to_async(fill)(everywhere, path)
    assert (await everywhere.apreview("here")).added == ("new",)
    assert (await everywhere.async_one("here", dry_run=True)).written
    (result,) = await everywhere.async_all()
    assert await everywhere.alast_sync("here") == result
