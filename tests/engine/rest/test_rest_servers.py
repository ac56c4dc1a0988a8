"""REST: servers, one by one and listed."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.test import Client

from agent_master_storage import storages
from agent_master_storage.engine import ServerConfig
from agent_master_storage.engine.secrets import MASK

from ..api import FILES, JSON, TOKEN, Api, error
from ..conftest import browser_of, user_who_may

SERVER = {"config": FILES}


def test_add_read_write_delete(any_api: Api) -> None:
    added = any_api.post("servers", body={"name": "files", **SERVER})
    assert (added.status_code, added["ETag"]) == (201, '"1"')
    body = added.json()
    assert (body["name"], body["transport"], body["enabled"]) == ("files", "stdio", True)
    assert body["config"] == FILES
    assert body["internal"]["source"] == "user"
    assert body["internal"]["createdBy"] == "admin"
    assert any_api.get("servers", "files").json() == body

    body["config"]["args"] = ["--slow"]
    written = any_api.put("servers", "files", body=body)
    assert (written.status_code, written["ETag"]) == (200, '"2"')
    assert written.json()["config"]["args"] == ["--slow"]
    assert any_api.engine.get_server("files").config.args == ["--slow"]
    assert any_api.storage.entry("config").actor == "admin"

    assert any_api.delete("servers", "files").status_code == 204
    assert error(any_api.get("servers", "files")) == (404, "server_not_found")
    assert error(any_api.delete("servers", "files")) == (404, "server_not_found")


def test_a_name_is_taken_once(api: Api) -> None:
    api.post("servers", body={"name": "files", **SERVER})
    answer = api.post("servers", body={"name": "files", **SERVER})
    assert error(answer) == (409, "server_exists")
    assert answer.json()["name"] == "files"


def test_put_makes_and_replaces(api: Api) -> None:
    given = {"config": {**FILES, "timeout": 30, "env": {"A": "1"}}}
    assert api.put("servers", "files", body=given).status_code == 201
    assert api.put("servers", "files", body=SERVER).status_code == 200
    stored = api.engine.config().raw("files")
    assert {k: v for k, v in stored.items() if k != "internal"} == FILES


def test_a_write_that_says_the_same_changes_nothing(api: Api) -> None:
    api.put("servers", "files", body=SERVER)
    body = api.get("servers", "files").json()
    answer = api.put("servers", "files", body=body)
    assert (answer.status_code, answer["ETag"], answer.json()) == (200, '"1"', body)


def test_patch(api: Api) -> None:
    api.put("servers", "files", body={"config": {**FILES, "env": {"A": "1", "B": "2"}}})
    patch = {"config": {"env": {"A": None, "C": "3"}, "timeout": 5}, "enabled": False}
    body = api.patch("servers", "files", body=patch).json()
    assert body["config"]["env"] == {"B": MASK, "C": MASK}
    assert body["config"]["timeout"] == 5
    assert body["enabled"] is False
    server = api.engine.get_server("files")
    assert server.config.env == {"B": "2", "C": "3"}
    assert not server.enabled

    api.patch("servers", "files", body={"internal": {"syncTargets": None, "tags": ["x"]}})
    internal = api.engine.get_server("files").internal
    assert (internal.sync_targets, internal.tags, internal.source) == ([], ["x"], "user")


def test_patches_at_once_lose_nothing(admin_client: Client, transactional_db: None) -> None:
    api = Api(admin_client)
    api.put("servers", "files", body=SERVER)
    clients = [browser_of(user_who_may("view", "change", name=f"u{n}")) for n in range(4)]

    def work(number: int) -> None:
        for step in range(5):
            patch = {"config": {"env": {f"V{number}_{step}": "x"}}}
            assert Api(clients[number]).patch("servers", "files", body=patch).status_code == 200

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(api.engine.get_server("files").config.env) == 20


def test_what_nobody_knows_is_kept(api: Api) -> None:
    api.storage.write_json(
        "config",
        {
            "mood": 1,
            "servers": {
                "a": {
                    "command": "x",
                    "odd": {"deep": [1.50, None]},
                    "internal": {"strange": {"x": 1}},
                }
            },
        },
    )
    api.patch("servers", "a", body={"config": {"command": "y"}})
    stored = api.engine.config().data
    assert stored["mood"] == 1
    assert stored["servers"]["a"]["odd"] == {"deep": [1.5, None]}
    assert stored["servers"]["a"]["internal"]["strange"] == {"x": 1}


def test_list_and_filters(api: Api) -> None:
    engine = api.engine
    engine.add_server("git-one", ServerConfig(command="git"))
    engine.add_server("web", {"transport": "sse", "url": "https://x.example/sse"})
    engine.add_server(
        "git-two",
        ServerConfig(command="git"),
        internal={"enabled": False, "source": "import", "tags": ["t"], "syncTargets": ["cursor"]},
    )

    def names(**query: Any) -> list[str]:
        return [server["name"] for server in api.get("servers", **query).json()["results"]]

    assert names() == ["git-one", "git-two", "web"]
    assert names(enabled="true") == ["git-one", "web"]
    assert names(enabled="false") == ["git-two"]
    assert names(transport="sse") == ["web"]
    assert names(source="import") == ["git-two"]
    assert names(name_pattern="git*", enabled="true") == ["git-one"]
    assert names(sync_target=["cursor", "none"]) == ["git-one", "git-two", "web"]
    assert names(tag="t") == ["git-two"]
    assert names(project_specific="true") == []
    assert error(api.get("servers", enabled="maybe")) == (400, "invalid_value")
    body = api.get("servers").json()
    assert (body["revision"], body["next"]) == (3, None)
    assert body["epoch"] == api.storage.epoch


def test_an_empty_storage_has_no_servers(api: Api) -> None:
    answer = api.get("servers")
    assert answer.json()["results"] == []
    assert answer.json()["revision"] == 0
    assert "ETag" not in answer
    assert api.get().json()["servers"] == 0
    assert api.storage.list() == []


@pytest.mark.parametrize(
    "name",
    [
        *("a/b", "50%", "a%2Fb", ".", "..", "../..", "a?b#c", "a b", "ünï/☃", "/", "//", "+", "\\"),
        *("x/enable", "x/rename", "enable", "disable", "rename", "import", "👩\u200d💻", "a" * 256),
    ],
)
def test_names(api: Api, name: str) -> None:
    # In a path, clients normalise dots away: then ?name= names the server.
    dots = ".." in name or name == "."
    path, query = (("servers",), {"name": name}) if dots else (("servers", name), {})
    assert api.put(*path, body=SERVER, **query).status_code == 201
    assert api.get(*path, **query).json()["name"] == name
    assert api.patch(*path, body={"enabled": False}, **query).json()["enabled"] is False
    assert api.post(*path, "enable", **query).json()["enabled"] is True
    assert api.post(*path, "disable", **query).json()["enabled"] is False
    assert api.post(*path, "rename", body={"new_name": "n"}, **query).json()["name"] == "n"
    assert api.post("servers", "n", "rename", body={"new_name": name}).json()["name"] == name
    assert api.delete(*path, **query).status_code == 204
    assert api.engine.list_servers() == []


def test_a_name_is_given_once(api: Api) -> None:
    assert error(api.put("servers", "a", name="b", body=SERVER)) == (400, "invalid_value")
    assert error(api.put("servers", body=SERVER)) == (400, "invalid_value")
    assert error(api.delete("servers")) == (400, "invalid_value")
    # Not the server that is called so.
    assert error(api.post("servers", "enable")) == (400, "invalid_value")
    assert error(api.post("servers", "a", "enable", name="b")) == (400, "invalid_value")
    body = {"name": "b", **SERVER}
    assert error(api.put("servers", "a", body=body)) == (400, "invalid_value")


def test_enable_disable_rename(any_api: Api) -> None:
    any_api.put("servers", "a", body=SERVER)
    assert any_api.post("servers", "a", "disable").json()["enabled"] is False
    assert any_api.get("servers", "a").json()["enabled"] is False
    assert any_api.post("servers", "a", "enable").json()["enabled"] is True
    renamed = any_api.post("servers", "a", "rename", body={"new_name": "b"})
    assert renamed.json()["name"] == "b"
    assert error(any_api.post("servers", "a", "enable")) == (404, "server_not_found")
    any_api.put("servers", "c", body=SERVER)
    taken = any_api.post("servers", "b", "rename", body={"new_name": "c"})
    assert error(taken) == (409, "server_exists")
    bad = any_api.post("servers", "b", "rename", body={"new_name": "\x00"})
    assert error(bad) == (400, "invalid_server")
    assert error(any_api.post("servers", "b", "rename", body={})) == (400, "invalid_value")
    assert error(any_api.post("servers", "b", "rename")) == (400, "invalid_value")
    assert error(any_api.post("servers", "b", "explode")) == (405, "method_not_allowed")


def test_what_is_wrong_is_said_all_at_once(api: Api) -> None:
    config = {"transport": "http", "command": "x", "headers": {"a b": "c"}}
    answer = api.put("servers", "a", body={"config": config})
    assert error(answer) == (400, "invalid_server")
    problems = "\n".join(answer.json()["problems"])
    assert all(part in problems for part in ("url", "command", "headers.a b"))
    assert api.storage.list() == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        "{}",
        '{"config": 3}',
        '{"config": {"transport": "stdio", "command": "x"}, "enabled": "yes"}',
        '{"config": {"transport": "stdio", "command": "x"}, "colour": "red"}',
        '{"config": {"transport": "stdio", "command": ["x"]}}',
        '{"config": {"transport": "stdio", "command": "x"}, "internal": {"tags": 3}}',
        '{"config": {"transport": "stdio", "command": "x"}, "internal": []}',
        '{"config": {"transport": "carrier pigeon", "command": "x"}}',
        '{"config": {"transport": 5, "command": "x"}}',
        '{"config": {"transport": "stdio", "command": "\\ud800"}}',
        '{"config": {"transport": "stdio", "command": "x", "env": {"A": "********"}}}',
        '{"name": 5, "config": {"transport": "stdio", "command": "x"}}',
        '{"fingerprint": 5, "config": {"transport": "stdio", "command": "x"}}',
        '{"config": ' + '{"a":' * 300 + "1" + "}" * 300 + "}",
        b"\xff",
    ],
)
def test_bad_bodies_are_refused(api: Api, body: Any) -> None:
    api.storage.write_json("config", {"servers": {"a": FILES}})
    for answer in (api.put("servers", "a", body=body or b"", type=JSON),):
        assert answer.status_code in (400, 415), answer.content
        assert error(answer)[1].startswith(("invalid_", "unsupported_"))
    assert api.storage.revision == 1


def test_other_media_types_are_refused(api: Api) -> None:
    answer = api.send("PUT", "servers", "a", body="x", type="text/plain")
    assert error(answer) == (415, "unsupported_media_type")
    answer = api.send("PATCH", "servers", "a", body=SERVER)
    assert error(answer) == (415, "unsupported_media_type")


def test_a_document_that_is_too_large_is_refused(api: Api) -> None:
    config = {**FILES, "note": "x" * api.storage.max_value_size}
    assert error(api.put("servers", "a", body={"config": config})) == (413, "too_large")
    huge = "x" * (7 * api.storage.max_value_size)
    assert error(api.put("servers", "a", body=huge)) == (413, "too_large")


# Conditions


def test_etag_and_conditions(any_api: Api) -> None:
    any_api.put("servers", "a", body=SERVER, headers={"If-None-Match": "*"})
    taken = any_api.put("servers", "a", body=SERVER, headers={"If-None-Match": "*"})
    assert error(taken) == (412, "precondition_failed")
    etag = any_api.get("servers", "a")["ETag"]
    assert etag == f'"{any_api.storage.entry("config").revision}"'
    for path in (("servers", "a"), ("servers",), ()):
        answer = any_api.get(*path, headers={"If-None-Match": etag})
        assert (answer.status_code, answer.content) == (304, b"")

    # Another server: the document moves on all the same.
    any_api.put("servers", "b", body=SERVER)
    stale = {"If-Match": etag}
    now = any_api.storage.entry("config").revision
    for answer in (
        any_api.put("servers", "a", body={"config": {**FILES, "args": []}}, headers=stale),
        any_api.patch("servers", "a", body={"enabled": False}, headers=stale),
        any_api.delete("servers", "a", headers=stale),
        any_api.post("servers", "a", "disable", headers=stale),
        any_api.post("servers", "a", "rename", body={"new_name": "z"}, headers=stale),
        any_api.post("servers", body={"name": "n", **SERVER}, headers=stale),
        any_api.post("import", body={"mcpServers": {"n": FILES}}, headers=stale),
        any_api.post("backups", headers=stale),
    ):
        assert error(answer) == (412, "precondition_failed")
        assert answer.json()["current"] == now
    assert any_api.storage.entry("config").revision == now

    fresh = {"If-Match": f'"{now}"'}
    assert any_api.post("servers", "a", "disable", headers=fresh).status_code == 200
    assert any_api.delete("servers", "a", headers={"If-Match": "*"}).status_code == 204
    gone = any_api.put("servers", "a", body=SERVER, headers={"If-Match": "*"})
    assert error(gone) == (412, "precondition_failed")
    bad = any_api.put("servers", "a", body=SERVER, headers={"If-Match": "seven"})
    assert error(bad) == (400, "invalid_value")


def test_a_fingerprint_that_is_given_back_protects_the_server(api: Api) -> None:
    api.put("servers", "a", body=SERVER)
    api.put("servers", "b", body=SERVER)
    mine = api.get("servers", "a").json()
    api.post("servers", "b", "disable")
    mine["config"]["args"] = ["mine"]
    # What happened to another server is no conflict.
    mine = api.put("servers", "a", body=mine).json()
    api.patch("servers", "a", body={"config": {"args": ["theirs"]}})
    assert error(api.put("servers", "a", body=mine)) == (409, "server_changed")
    api.delete("servers", "a")
    assert error(api.put("servers", "a", body=mine)) == (409, "server_changed")


# Secrets


@pytest.fixture
def secret(api: Api) -> Api:
    api.engine.add_server(
        "hub",
        {
            "command": "hub",
            "args": ["--token", TOKEN],
            "env": {"HUB_TOKEN": TOKEN, "REF": "${TOKEN}"},
        },
    )
    return api


def test_secrets_are_masked_unless_asked_for(secret: Api) -> None:
    for answer in (secret.get("servers", "hub"), secret.get("servers"), secret.get()):
        assert TOKEN not in answer.content.decode()
    shown = secret.get("servers", "hub").json()
    assert shown["config"]["env"] == {"HUB_TOKEN": MASK, "REF": "${TOKEN}"}
    assert {one["where"] for one in shown["advice"]} == {"args.1", "env.HUB_TOKEN"}
    body = secret.get("servers", "hub", secrets="true").json()
    assert body["config"]["env"]["HUB_TOKEN"] == TOKEN
    listed = secret.get("servers", secrets="true").json()["results"]
    assert listed[0]["config"]["args"][1] == TOKEN


def test_masks_that_come_back_are_the_secrets(secret: Api) -> None:
    body = secret.get("servers", "hub").json()
    body["config"]["args"].append("--verbose")
    answer = secret.put("servers", "hub", body=body)
    assert TOKEN not in answer.content.decode()
    config = secret.engine.get_server("hub").config
    assert config.args == ["--token", TOKEN, "--verbose"]
    assert config.env["HUB_TOKEN"] == TOKEN
    patch = {"config": {"env": {"HUB_TOKEN": MASK, "REF": None}}}
    secret.patch("servers", "hub", body=patch)
    assert secret.engine.get_server("hub").config.env == {"HUB_TOKEN": TOKEN}
    lost = {"config": {"env": {"NEW": MASK}}}
    assert error(secret.patch("servers", "hub", body=lost)) == (400, "invalid_document")


def test_who_may_only_view_sees_no_secrets(secret: Api, viewer: Api) -> None:
    assert viewer.get("servers", "hub").json()["config"]["env"]["HUB_TOKEN"] == MASK
    for path in (("servers", "hub"), ("servers",), ("export",)):
        assert error(viewer.get(*path, secrets="true")) == (403, "permission_denied")


# Permissions


def test_strangers_are_kept_out(db: None) -> None:
    api = Api(Client())
    for answer in (api.get(), api.get("servers"), api.put("servers", "a", body=SERVER)):
        assert error(answer) == (401, "not_authenticated")
    assert Client().get("/engine/").status_code == 401


def test_who_may_view_changes_nothing(api: Api, viewer: Api) -> None:
    api.put("servers", "a", body=SERVER)
    assert viewer.get("servers", "a").status_code == 200
    for answer in (
        viewer.put("servers", "a", body=SERVER),
        viewer.patch("servers", "a", body={}),
        viewer.delete("servers", "a"),
        viewer.post("servers", body={"name": "b", **SERVER}),
        viewer.post("servers", "a", "disable"),
        viewer.post("servers", "a", "rename", body={"new_name": "b"}),
        viewer.post("import", body={"mcpServers": {}}),
        viewer.post("backups"),
        viewer.post("destinations", body={"name": "x"}),
        viewer.post("destinations", "x", "sync"),
    ):
        assert error(answer) == (403, "permission_denied")
    assert api.storage.revision == 1


def test_the_first_server_needs_the_permission_to_add(api: Api) -> None:
    changer = Api(browser_of(user_who_may("view", "change")))
    answer = changer.put("servers", "a", body=SERVER)
    assert error(answer) == (403, "permission_denied")
    api.put("servers", "a", body=SERVER)
    assert changer.put("servers", "b", body=SERVER).status_code == 201


def test_the_rule_is_asked_for_the_key_of_the_document(api: Api, settings: Any) -> None:
    asked = []

    def rule(user: Any, action: str, alias: str, key: str) -> bool:
        asked.append((action, alias, key))
        return alias == "memory"

    settings.AGENT_MASTER_STORAGE_PERMISSION = rule
    api.put("servers", "a", body=SERVER)
    api.get("servers", "a")
    assert set(asked) == {(action, "memory", "config") for action in ("view", "add", "change")}
    assert error(Api(api.client, "default").get("servers")) == (403, "permission_denied")
    results = api.client.get("/engine/").json()["results"]
    assert [one["alias"] for one in results] == ["memory"]


# What is odd


def test_what_is_no_document_is_told(api: Api) -> None:
    for value in (b"\xff", b"[]", b'{"servers": 3}', b'{"mcpServers": {}}'):
        api.storage.write("config", value)
        for answer in (
            api.get("servers"),
            api.get("export"),
            api.put("servers", "a", body=SERVER),
            api.delete("servers", "a"),
            api.post("import", body={"mcpServers": {"a": FILES}}),
            api.get("destinations"),
        ):
            assert error(answer) == (409, "invalid_document")
        assert api.storage.read("config") == value


def test_half_a_character_that_is_stored_harms_nothing(api: Api) -> None:
    api.storage.write("config", b'{"servers": {"a": {"command": "\\ud800"}}}')
    assert api.get("servers").json()["results"][0]["config"]["command"] == "\ud800"
    assert error(api.post("servers", "a", "enable")) == (400, "invalid_value")
    assert api.put("servers", "a", body=SERVER).status_code == 200


def test_a_broken_server_hides_no_other(api: Api) -> None:
    api.storage.write_json("config", {"servers": {"a": {"command": 3.5, "args": "x"}, "b": FILES}})
    shown = {one["name"]: one for one in api.get("servers").json()["results"]}
    assert shown["a"]["problems"]
    assert shown["b"]["problems"] == []


def test_an_adapter_without_revisions_can_be_read(admin_client: Client) -> None:
    api = Api(admin_client, "plain")
    storages["plain"].write_json("config", {"servers": {"a": FILES}})
    answer = api.get("servers", "a")
    assert (answer.status_code, "ETag" in answer) == (200, False)
    assert error(api.put("servers", "a", body={"config": {"command": "y"}})) == (
        501,
        "not_supported",
    )
    assert error(api.get("servers", headers={"If-None-Match": '"1"'})) == (501, "not_supported")


def test_unknown_places(api: Api) -> None:
    assert error(Api(api.client, "nowhere").get("servers")) == (404, "unknown_storage")
    assert error(api.get("elsewhere")) == (404, "not_found")
    assert error(api.client.get("/engine/memory/servers?name=%FF")) == (400, "invalid_key")
    for path in ("servers/", "backups/", "destinations/", "export/"):
        assert api.client.get(f"/engine/memory/{path}").status_code == 200
    assert api.client.get("/engine/memory").status_code == 200


def test_people_get_a_page(api: Api) -> None:
    api.put("servers", "a/b", body=SERVER)
    for path in (("servers",), ("servers", "a/b"), (), ("backups",), ("destinations",)):
        answer = api.get(*path, headers={"Accept": "text/html"})
        assert answer["Content-Type"].startswith("text/html"), answer.content
        assert b"Engines" in answer.content
