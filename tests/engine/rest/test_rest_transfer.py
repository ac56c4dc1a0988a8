"""REST: import, export, backups, destinations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent_master_storage.engine.secrets import MASK

from ..api import FILES, TOKEN, Api, error

CLAUDE = {"mcpServers": {"files": {"command": "npx", "args": ["-y", "files"]}}}


# Import


def test_a_file_is_imported_as_it_is(any_api: Api) -> None:
    answer = any_api.post("import", body=CLAUDE)
    assert answer.json() == {
        "format": "mcpServers",
        "added": ["files"],
        "updated": [],
        "unchanged": [],
        "skipped": [],
        "removed": [],
        "warnings": [],
        "dry_run": False,
    }
    assert answer["ETag"] == '"1"'
    server = any_api.engine.get_server("files")
    assert (server.config.command, server.internal.source) == ("npx", "import")
    assert any_api.post("import", body=CLAUDE).json()["unchanged"] == ["files"]


def test_a_dry_run_changes_nothing(api: Api) -> None:
    answer = api.post("import", body=CLAUDE, dry_run="true")
    assert (answer.json()["added"], answer.json()["dry_run"]) == (["files"], True)
    assert api.storage.list() == []


def test_modes_and_whitelist(api: Api) -> None:
    api.engine.add_server("files", {"command": "other"})
    api.engine.add_server("old", {"command": "old"})
    both = {"mcpServers": {**CLAUDE["mcpServers"], "web": {"url": "https://x.example"}}}
    skipped = api.post("import", body=both, mode="skip", server="files").json()
    assert (skipped["skipped"], skipped["added"]) == (["files"], [])
    replaced = api.post("import", body=both, mode="replace").json()
    assert (replaced["updated"], replaced["added"]) == (["files"], ["web"])
    assert replaced["removed"] == ["old"]
    assert error(api.post("import", body=both, mode="explode")) == (400, "invalid_value")
    missing = api.post("import", body=both, server="none")
    assert error(missing) == (400, "invalid_document")


@pytest.mark.parametrize(
    ("text", "type"),
    [
        ("mcpServers:\n  files:\n    command: npx\n", "application/yaml"),
        ("mcpServers:\n  files:\n    command: npx\n", "text/plain"),
        ('[mcp_servers.files]\ncommand = "npx"\n', "application/toml"),
        ('{"mcp": {"servers": {"files": {"command": "npx"}}}}', "application/json"),
        ('// a comment\n{"files": {"command": "npx"}}', "application/octet-stream"),
    ],
)
def test_syntaxes(api: Api, text: str, type: str) -> None:
    assert api.post("import", body=text, type=type).json()["added"] == ["files"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"a": 1}',
        "\x00",
        b"\xff\xfe",
        '{"mcpServers": {"a": 1}}',
        '{"mcpServers": {"a": {"args": ["no command"]}}}',
        '{"mcpServers": [], "servers": {}}',
        "a: &a [*a]",
    ],
)
def test_what_is_none_is_refused(api: Api, text: Any) -> None:
    status, code = error(api.post("import", body=text, type="text/plain"))
    assert status == 400
    assert code in ("invalid_document", "invalid_server", "invalid_value")
    assert api.storage.list() == []


def test_where_the_fault_is(api: Api) -> None:
    answer = api.post("import", body={"mcpServers": {"a": {"command": "x", "args": "no list"}}})
    assert answer.json()["where"].startswith("mcpServers.a")


def test_an_import_that_is_too_large_is_refused(api: Api) -> None:
    assert error(api.post("import", body="x" * (1024 * 1024 + 1))) == (413, "too_large")


def test_unknown_formats_and_syntaxes(api: Api) -> None:
    assert error(api.post("import", body=CLAUDE, format="vim")) == (400, "invalid_value")
    assert error(api.post("import", body=CLAUDE, syntax="xml")) == (400, "invalid_value")
    assert error(api.get("export", format="vim")) == (400, "invalid_value")
    assert error(api.get("export", syntax="xml")) == (400, "invalid_value")


# Export


def test_export(any_api: Api) -> None:
    any_api.post("import", body=CLAUDE)
    answer = any_api.get("export")
    assert answer["Content-Type"] == "application/json; charset=utf-8"
    assert "mcpServers.json" in answer["Content-Disposition"]
    assert answer["ETag"] == '"1"'
    assert json.loads(answer.content) == CLAUDE
    vscode = json.loads(any_api.get("export", format="vscode").content)
    assert vscode["servers"]["files"]["command"] == "npx"
    yaml = any_api.get("export", syntax="yaml")
    assert yaml["Content-Type"] == "application/yaml; charset=utf-8"
    assert yaml.content.startswith(b"mcpServers:\n")
    toml = any_api.get("export", format="codex")
    assert toml["Content-Type"] == "application/toml; charset=utf-8"
    own = json.loads(any_api.get("export", format="engine").content)
    assert own == any_api.engine.config().data


def test_what_a_client_can_not_do_is_in_a_header(api: Api) -> None:
    for number in range(12):
        api.engine.add_server(f"ü{number:02}", {**FILES, "env": {"A": "${input:a}"}})
    answer = api.get("export")
    told = json.loads(answer["Export-Warnings"])
    assert told[0].startswith("mcpServers.ü00.env.A refers to the input 'a'")
    assert (len(told), told[-1]) == (11, "and 2 more")
    assert json.loads(answer.content)["mcpServers"]["ü00"]["env"] == {"A": "${input:a}"}
    assert "Export-Warnings" not in api.get("export", format="engine")


def test_whatever_the_client_takes(api: Api) -> None:
    api.post("import", body=CLAUDE)
    for accept in ("application/yaml", "text/html", "*/*", "image/png"):
        answer = api.get("export", headers={"Accept": accept})
        assert json.loads(answer.content) == CLAUDE


def test_export_of_some(api: Api) -> None:
    api.engine.add_server("on", FILES)
    api.engine.add_server("off", FILES, internal={"enabled": False})

    def names(**query: Any) -> list[str]:
        return sorted(json.loads(api.get("export", **query).content)["mcpServers"])

    assert names() == ["on"]
    assert names(include_disabled="true") == ["off", "on"]
    assert names(server=["off"], include_disabled="true") == ["off"]
    assert error(api.get("export", server="none")) == (404, "server_not_found")


def test_secrets_go_to_those_who_may_change(api: Api, viewer: Api) -> None:
    api.engine.add_server("hub", {"command": "hub", "env": {"HUB_TOKEN": TOKEN}})
    assert TOKEN in api.get("export").content.decode()
    assert TOKEN not in api.get("export", secrets="false").content.decode()
    for format in ("mcpServers", "engine", "codex"):
        text = viewer.get("export", format=format).content.decode()
        assert TOKEN not in text
        assert MASK in text


def test_an_export_that_has_not_changed(api: Api) -> None:
    api.post("import", body=CLAUDE)
    etag = api.get("export")["ETag"]
    assert api.get("export", headers={"If-None-Match": etag}).status_code == 304


# Backups


def test_backups(any_api: Api) -> None:
    any_api.post("import", body=CLAUDE)
    made = any_api.post("backups", body={"description": "before"})
    assert made.status_code == 201
    id = made.json()["id"]
    any_api.delete("servers", "files")
    listed = any_api.get("backups").json()["results"]
    assert [one["id"] for one in listed] == [id]
    assert (listed[0]["description"], listed[0]["type"]) == ("before", "manual")
    held = any_api.get("backups", id).json()
    assert list(held["document"]["servers"]) == ["files"]

    replaced = any_api.post("backups", id, "restore").json()
    assert replaced["type"] == "pre-restore"
    assert any_api.engine.get_server("files").enabled
    assert len(any_api.get("backups").json()["results"]) == 2
    assert any_api.delete("backups", id).status_code == 204
    assert error(any_api.delete("backups", id)) == (404, "backup_not_found")
    assert error(any_api.get("backups", id)) == (404, "backup_not_found")
    assert error(any_api.post("backups", id, "restore")) == (404, "backup_not_found")
    assert error(any_api.post("backups", "\x01", "restore")) == (404, "backup_not_found")


def test_a_backup_mends_a_broken_document(api: Api) -> None:
    api.post("import", body=CLAUDE)
    id = api.post("backups").json()["id"]
    api.storage.write("config", b"broken")
    assert api.post("backups", id, "restore").status_code == 200
    assert api.get("servers", "files").status_code == 200


def test_a_backup_shows_no_secrets(api: Api) -> None:
    api.engine.add_server("hub", {"command": "hub", "env": {"HUB_TOKEN": TOKEN}})
    id = api.post("backups").json()["id"]
    assert TOKEN not in api.get("backups", id).content.decode()
    assert TOKEN in api.get("backups", id, secrets="true").content.decode()


def test_bad_bodies_of_backups(api: Api) -> None:
    assert error(api.post("backups", body={"description": 3})) == (400, "invalid_value")
    assert error(api.post("backups", body={"colour": "x"})) == (400, "invalid_value")
    assert error(api.post("backups", body="x", type="text/plain")) == (
        415,
        "unsupported_media_type",
    )


# Destinations


def test_a_destination_that_is_a_key(any_api: Api) -> None:
    any_api.post("import", body=CLAUDE)
    made = any_api.post("destinations", body={"name": "cursor"})
    assert (made.status_code, made.json()["type"]) == (201, "storage")
    assert [d["name"] for d in any_api.get("destinations").json()["results"]] == ["cursor"]
    shown = any_api.get("destinations", "cursor", "preview").json()
    assert (shown["added"], shown["differs"]) == (["files"], True)
    dry = any_api.post("destinations", "cursor", "sync", dry_run="true").json()
    assert (dry["serversAdded"], dry["dryRun"]) == (1, True)
    assert "targets:cursor:config" not in any_api.storage.list()
    done = any_api.post("destinations", "cursor", "sync").json()
    assert (done["success"], done["written"], done["serversAdded"]) == (True, True, 1)
    assert json.loads(any_api.storage.read("targets:cursor:config")) == CLAUDE
    last = any_api.get("destinations", "cursor").json()["lastSync"]
    assert last["serversAdded"] == 1
    assert any_api.delete("destinations", "cursor").status_code == 204
    assert error(any_api.get("destinations", "cursor")) == (404, "destination_not_found")
    gone = any_api.post("destinations", "cursor", "sync")
    assert error(gone) == (404, "destination_not_found")


def test_a_destination_is_changed(any_api: Api, tmp_path: Path) -> None:
    any_api.post("destinations", body={"name": "a", "supports_projects": True})
    path = str(tmp_path / "mcp.json")
    answer = any_api.patch("destinations", "a", body={"path": path, "enabled": False})
    assert (answer.status_code, answer["ETag"]) == (200, '"2"')
    assert answer.json() == {
        "name": "a",
        "type": "file",
        "enabled": False,
        "configPath": path,
        "requiresSanitization": False,
        "supportsProjects": True,
        "configFormat": "mcpServers",
    }
    assert any_api.patch("destinations", "a", body={"path": ""}).json()["type"] == "storage"
    for body in (
        {"path": "x"},
        {"format": "vim"},
        {"name": "b"},
        {"colour": 1},
        {"enabled": 1},
        [],
    ):
        assert any_api.patch("destinations", "a", body=body).status_code == 400
    stale = any_api.patch("destinations", "a", body={}, headers={"If-Match": '"1"'})
    assert error(stale) == (412, "precondition_failed")
    assert error(any_api.patch("destinations", "none", body={})) == (404, "destination_not_found")
    assert any_api.patch("destinations", name="a", body={"enabled": True}).json()["enabled"] is True


@pytest.mark.parametrize("name", ["..", "a/b", "a/sync", "preview", "sync", "50% ☃"])
def test_names_of_destinations(api: Api, name: str) -> None:
    api.engine.add_server("files", FILES)
    assert api.post("destinations", body={"name": name}).status_code == 201
    assert api.get("destinations", name=name).json()["name"] == name
    assert api.get("destinations", "preview", name=name).json()["added"] == ["files"]
    assert api.post("destinations", "sync", name=name).json()["written"] is True
    if name != "..":
        assert api.get("destinations", name).json()["name"] == name
        assert api.get("destinations", name, "preview").json()["added"] == []
        assert api.post("destinations", name, "sync").json()["written"] is False
    assert error(api.post("destinations", "sync")) == (400, "invalid_value")
    assert api.delete("destinations", name=name).status_code == 204
    assert api.get("destinations").json()["results"] == []


def test_files_are_written_where_that_was_allowed(api: Api, settings: Any, tmp_path: Path) -> None:
    api.post("import", body=CLAUDE)
    path = tmp_path / "claude.json"
    api.post("destinations", body={"name": "claude", "path": str(path)})
    for answer in (
        api.get("destinations", "claude", "preview"),
        api.post("destinations", "claude", "sync"),
    ):
        assert error(answer) == (409, "destination_unavailable")
    settings.AGENT_MASTER_STORAGE_DESTINATION_ROOTS = [str(tmp_path / "other")]
    answer = api.post("destinations", "claude", "sync")
    assert error(answer) == (409, "destination_unavailable")
    assert not path.exists()
    settings.AGENT_MASTER_STORAGE_DESTINATION_ROOTS = [str(tmp_path)]
    assert api.post("destinations", "claude", "sync").json()["written"] is True
    assert json.loads(path.read_text()) == CLAUDE


def test_a_file_outside_of_the_folders_is_refused(api: Api, settings: Any, tmp_path: Path) -> None:
    settings.AGENT_MASTER_STORAGE_DESTINATION_ROOTS = [str(tmp_path)]
    answer = api.post("destinations", body={"name": "ev", "path": "/etc/passwd"})
    assert error(answer) == (400, "invalid_destination")
    assert "/etc/passwd is outside the directories" in answer.content.decode()
    assert api.get("destinations").json()["results"] == []


def test_bad_destinations(api: Api) -> None:
    api.post("destinations", body={"name": "a"})
    assert error(api.post("destinations", body={"name": "a"})) == (409, "destination_exists")
    for body in (
        {"name": "b", "path": "relative.json"},
        {"name": "b", "path": "/x", "format": "vim"},
        {"name": "", "path": "/x"},
        {"name": "b", "server_name_pattern": "("},
    ):
        assert error(api.post("destinations", body=body)) == (400, "invalid_destination")
    for bad in ({}, {"name": 3}, {"name": "b", "enabled": 3}, {"name": "b", "x": 1}):
        assert error(api.post("destinations", body=bad)) == (400, "invalid_value")
