"""OpenAPI of the engine: complete, valid, and true."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.rest import openapi as described

from ..api import FILES, JSON, MERGE_PATCH, Api, error

READING = {"200", "304", "409", "412", "501"}
WRITING = {"409", "411", "412", "413", "415", "501"}
ACTING = {"200", "409", "412", "501"}

EXPECTED = {
    ("", "get"): {"200"},
    ("{alias}/", "get"): READING,
    ("{alias}/servers", "get"): READING,
    ("{alias}/servers", "post"): {"201"} | WRITING,
    ("{alias}/servers/{name}", "get"): READING,
    ("{alias}/servers/{name}/enable", "post"): ACTING,
    ("{alias}/servers/{name}/disable", "post"): ACTING,
    ("{alias}/servers/{name}/rename", "post"): {"200"} | WRITING,
    ("{alias}/import", "post"): {"200"} | WRITING - {"415"},
    ("{alias}/export", "get"): READING,
    ("{alias}/backups", "get"): {"200"},
    ("{alias}/backups", "post"): {"201"} | WRITING,
    ("{alias}/backups/{id}", "get"): {"200", "409"},
    ("{alias}/backups/{id}", "delete"): {"204", "409", "412", "501"},
    ("{alias}/backups/{id}/restore", "post"): ACTING,
    ("{alias}/destinations", "get"): {"200", "409"},
    ("{alias}/destinations", "post"): {"201"} | WRITING,
    ("{alias}/destinations/{name}", "get"): {"200", "409"},
    ("{alias}/destinations/{name}", "patch"): {"200"} | WRITING,
    ("{alias}/destinations/{name}", "delete"): {"204", "409", "412", "501"},
    ("{alias}/destinations/{name}/preview", "get"): {"200", "409", "501"},
    ("{alias}/destinations/{name}/sync", "post"): {"200", "409", "501"},
}
for _path in ("{alias}/servers", "{alias}/servers/{name}"):
    EXPECTED[_path, "put"] = {"200", "201"} | WRITING
    EXPECTED[_path, "patch"] = {"200"} | WRITING
    EXPECTED[_path, "delete"] = {"204", "409", "412", "501"}


@pytest.fixture(scope="module")
def schema() -> Any:
    return described.written()


def operations(schema: Any) -> described.Operations:
    return described.operations(schema, "/engine/")


def test_every_route_is_there_and_no_more(schema: Any) -> None:
    assert set(operations(schema)) == set(EXPECTED)


@pytest.mark.parametrize("operation", EXPECTED)
def test_every_answer_is_described(schema: Any, operation: tuple[str, str]) -> None:
    described.check_answers(operations(schema)[operation], EXPECTED[operation], "EngineError")


def test_names_are_unique_and_summaries_said(schema: Any) -> None:
    described.check_names(operations(schema), "engine")


def test_bodies_and_parameters(schema: Any) -> None:
    found = operations(schema)
    assert set(found["{alias}/servers/{name}", "patch"]["requestBody"]["content"]) == {MERGE_PATCH}
    files = {JSON, "application/yaml", "application/toml"}
    assert set(found["{alias}/import", "post"]["requestBody"]["content"]) == files
    assert set(found["{alias}/export", "get"]["responses"]["200"]["content"]) == files
    assert "Export-Warnings" in found["{alias}/export", "get"]["responses"]["200"]["headers"]
    assert "requestBody" not in found["{alias}/servers/{name}/enable", "post"]

    def named(path: str, method: str) -> set[str]:
        parameters = found[f"{{alias}}/{path}", method].get("parameters", [])
        return {one["name"] for one in parameters if one["in"] != "path"}

    assert named("import", "post") == {
        "format",
        "mode",
        "server",
        "syntax",
        "dry_run",
        "If-Match",
    }
    assert named("servers/{name}", "put") == {"secrets", "If-Match", "If-None-Match"}
    assert named("servers", "delete") == {"name", "If-Match", "If-None-Match"}
    assert {"enabled", "transport", "source", "name_pattern", "tag"} <= named("servers", "get")


def test_what_is_answered_is_what_is_described(schema: Any, api: Api) -> None:
    """Field by field, for each kind of body."""
    check = partial(described.check_body, schema)
    check(api.put("servers", "a", body={"config": FILES}), "Server")
    check(api.get("servers"), "ServerList")
    check(api.client.get("/engine/"), "EngineList")
    check(api.get(), "EngineStatus")
    check(api.post("import", body={"mcpServers": {"a": FILES}}), "ImportResult")
    backup = api.post("backups", body={"description": "x"})
    check(backup, "Backup")
    check(api.get("backups"), "BackupList")
    check(api.get("backups", backup.json()["id"]), "BackupWithDocument")
    check(api.post("destinations", body={"name": "d", "server_name_pattern": "a"}), "Destination")
    check(api.get("destinations"), "DestinationList")
    check(api.get("destinations", "d"), "DestinationWithSync")
    check(api.get("destinations", "d", "preview"), "Preview")
    check(api.post("destinations", "d", "sync"), "SyncResult")
    check(api.get("destinations", "d"), "DestinationWithSync")
    for answer in (
        api.get("servers", "none"),
        api.put("servers", "b", body={"config": {"command": ""}}),
        api.post("import", body={"mcpServers": {"a": 1}}),
        api.put("servers", "a", body={"config": FILES}, headers={"If-Match": '"99"'}),
    ):
        assert error(answer)[0] >= 400
        check(answer, "EngineError")
