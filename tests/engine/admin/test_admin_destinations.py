"""The admin's pages about MCP destinations: list, form, preview, sync, permissions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from agent_master_storage import storages
from agent_master_storage.engine import Engine
from agent_master_storage.engine.admin.parts import DestinationAddress
from agent_master_storage.engine.secrets import MASK
from tests.admin.browser import form_of, text_of

from ..api import FILES, TOKEN
from ..conftest import browser_of, user_who_may

pytestmark = pytest.mark.usefixtures("aliases")

page_url = DestinationAddress.page_url
LIST = page_url("changelist")


@pytest.fixture(params=["memory", "default"])
def engine(request: pytest.FixtureRequest, transactional_db: None, aliases: None) -> Engine:
    return Engine(storage=storages[request.param])


@pytest.fixture
def path(tmp_path: Path, settings: Any) -> Path:
    """A client's file, in a folder that is allowed."""
    settings.AGENT_MASTER_STORAGE_DESTINATION_ROOTS = [tmp_path]
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps({"theme": "dark", "mcpServers": {"old": {"command": "x"}}}))
    return path


@pytest.fixture
def cursor(engine: Engine, path: Path) -> Engine:
    """With a server, and the file as a destination."""
    engine.add_server("hub", {**FILES, "env": {"HUB_TOKEN": TOKEN}})
    engine.add_destination("cursor", path)
    return engine


def url(engine: Engine, name: str, page: str = "change") -> str:
    return DestinationAddress(engine.storage.alias, name).url(page)


def add(client: Client, engine: Engine, **fields: Any) -> Any:
    form = form_of(client.get(f"{page_url('add')}?alias={engine.storage.alias}"))
    return client.post(page_url("add"), {**form, **fields})


def edit(client: Client, engine: Engine, name: str, **fields: Any) -> Any:
    form = form_of(client.get(url(engine, name)))
    return client.post(url(engine, name), {**form, **fields})


def sync(client: Client, engine: Engine, name: str, button: str = "_sync") -> Any:
    form = form_of(client.get(url(engine, name, "sync")))
    return client.post(url(engine, name, "sync"), {**form, button: "yes"})


def servers(path: Path) -> list[str]:
    return list(json.loads(path.read_text())["mcpServers"])


# List


def test_the_list(admin_client: Client, cursor: Engine, path: Path) -> None:
    cursor.add_destination("key", enabled=False)
    path.write_text("no JSON")
    cursor.sync_all()
    text = text_of(admin_client.get(LIST))
    assert str(path) in text
    assert "targets:key:config" in text
    assert "failed: the destination 'cursor' cannot be used" in text
    assert "2 MCP destinations" in text
    assert "cursor" not in text_of(admin_client.get(f"{LIST}?alias=plain"))
    assert admin_client.get(f"{LIST}?alias=none").status_code == 404
    assert "MCP destinations" in text_of(admin_client.get("/admin/"))


def test_an_empty_list_leads_on(admin_client: Client, engine: Engine) -> None:
    assert "There are no MCP destinations." in text_of(admin_client.get(LIST))


def test_a_broken_document_is_told_of(admin_client: Client, engine: Engine) -> None:
    engine.storage.write("config", b"broken")
    assert "what is stored can't be read" in text_of(admin_client.get(LIST))


def test_several_at_once(admin_client: Client, cursor: Engine, path: Path, settings: Any) -> None:
    settings.AGENT_MASTER_STORAGE_DESTINATION_ROOTS = ["/nowhere"]
    cursor.add_destination("elsewhere", "/nowhere/mcp.json")
    settings.AGENT_MASTER_STORAGE_DESTINATION_ROOTS = [path.parent]
    quoted = [
        DestinationAddress(cursor.storage.alias, name).quoted for name in ("elsewhere", "cursor")
    ]
    given = {"action": "dry_run", "_selected_action": quoted}
    text = text_of(admin_client.post(LIST, given, follow=True))
    assert "“cursor”: would have 1 added, 1 removed." in text
    assert "The destination 'elsewhere' cannot be used" in text
    assert servers(path) == ["old"]
    text = text_of(admin_client.post(LIST, {**given, "action": "sync"}, follow=True))
    assert "“cursor”: 1 added, 1 removed." in text
    assert servers(path) == ["hub"]
    assert "Synced the MCP destination “cursor”" in LogEntry.objects.get().change_message
    for bad in ({**given, "action": "paint"}, {"action": "sync"}):
        assert "Choose an action" in text_of(admin_client.post(LIST, bad, follow=True))


# Add and edit


def test_add_a_file(admin_client: Client, engine: Engine, tmp_path: Path, settings: Any) -> None:
    assert "No folder is allowed" in text_of(admin_client.get(page_url("add")))
    settings.AGENT_MASTER_STORAGE_DESTINATION_ROOTS = [tmp_path]
    assert f"inside {tmp_path}" in text_of(admin_client.get(page_url("add")))
    path = tmp_path / ".vscode" / "mcp.json"
    answer = add(
        admin_client,
        engine,
        name="a/b ☃%",
        config_path=str(path),
        requires_sanitization="on",
        server_name_pattern="^h",
    )
    # Nothing is written before one has seen what.
    assert answer["Location"] == url(engine, "a/b ☃%", "sync")
    made = engine.get_destination("a/b ☃%")
    assert (made.type, made.config_format, made.enabled) == ("file", "vscode", True)
    assert (made.requires_sanitization, made.server_name_pattern) == (True, "^h")
    assert not path.exists()
    assert admin_client.get(answer["Location"]).status_code == 200


def test_a_file_outside_of_the_folders_is_refused(
    admin_client: Client, engine: Engine, path: Path
) -> None:
    answer = add(admin_client, engine, name="ev", config_path="/etc/key")
    assert answer.status_code == 200
    [fault] = answer.context["form"].errors["config_path"]
    assert "is outside the directories of AGENT_MASTER_STORAGE_DESTINATION_ROOTS" in fault
    assert engine.list_destinations() == []


def test_add_a_key(admin_client: Client, engine: Engine) -> None:
    add(admin_client, engine, name="key", config_format="codex")
    made = engine.get_destination("key")
    assert (made.type, made.config_format) == ("storage", "codex")


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"name": ""}, "name", "This field is required"),
        ({"name": "all"}, "name", "must be a text"),
        ({"name": "there"}, "name", "There is such a destination already"),
        ({"config_path": "mcp.json"}, "config_path", "must be absolute"),
        ({"config_format": "vim"}, "config_format", "Select a valid choice"),
        ({"server_name_pattern": "("}, "server_name_pattern", "unterminated"),
        ({"alias": "none"}, "alias", "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(
    admin_client: Client, engine: Engine, fields: Any, field: str, message: str
) -> None:
    engine.add_destination("there")
    answer = add(admin_client, engine, **{"name": "new", **fields})
    assert answer.status_code == 200
    assert message in str(answer.context["form"].errors[field])
    assert [one.name for one in engine.list_destinations()] == ["there"]


def test_edit(admin_client: Client, cursor: Engine, path: Path) -> None:
    revision = cursor.storage.revision
    assert edit(admin_client, cursor, "cursor")["Location"].startswith(LIST)
    assert cursor.storage.revision == revision
    edit(admin_client, cursor, "cursor", config_format="zed", enabled="")
    found = cursor.get_destination("cursor")
    assert (found.config_format, found.enabled, found.path) == ("zed", False, path)
    edit(admin_client, cursor, "cursor", config_path="")
    assert cursor.get_destination("cursor").type == "storage"
    bad = edit(admin_client, cursor, "cursor", config_path="x")
    assert "must be absolute" in str(bad.context["form"].errors["config_path"])


def test_where_the_buttons_lead(admin_client: Client, cursor: Engine) -> None:
    for button, page in (
        ("_save", url(cursor, "new-save", "sync")),
        ("_continue", url(cursor, "new-continue")),
        ("_addanother", page_url("add")),
    ):
        assert button in admin_client.get(page_url("add")).content.decode()
        answer = add(admin_client, cursor, name=f"new-{button[1:]}", **{button: "yes"})
        assert answer["Location"] == page
    assert "_continue" in admin_client.get(url(cursor, "cursor")).content.decode()
    for fields in ({}, {"enabled": ""}):
        answer = edit(admin_client, cursor, "cursor", _continue="yes", **fields)
        assert answer["Location"] == url(cursor, "cursor")


def test_what_others_know_beside_these_is_kept(admin_client: Client, cursor: Engine) -> None:
    cursor.update_destination("cursor", config_format="nested")
    cursor.change(lambda document: document.section("targets", "cursor").update(mood=[1]))
    edit(admin_client, cursor, "cursor", server_name_pattern="h")
    stored = cursor.config().data["targets"]["cursor"]
    assert (stored["configFormat"], stored["mood"]) == ("nested", [1])


def test_an_edit_that_meets_another(admin_client: Client, cursor: Engine) -> None:
    form = form_of(admin_client.get(url(cursor, "cursor")))
    cursor.update_destination("cursor", config_format="zed")
    answer = admin_client.post(url(cursor, "cursor"), {**form, "server_name_pattern": "mine"})
    assert answer.status_code == 409
    assert "was changed after you opened it" in text_of(answer)
    assert form_of(answer)["server_name_pattern"] == "mine"
    assert cursor.get_destination("cursor").server_name_pattern == ""
    again = admin_client.post(url(cursor, "cursor"), form_of(answer))
    assert again.status_code == 302
    assert cursor.get_destination("cursor").server_name_pattern == "mine"


def test_delete(admin_client: Client, cursor: Engine, path: Path) -> None:
    address = url(cursor, "cursor", "delete")
    form = form_of(admin_client.get(address))
    cursor.update_destination("cursor", enabled=False)
    assert "changed meanwhile" in text_of(admin_client.post(address, form))
    admin_client.post(address, form_of(admin_client.get(address)))
    assert cursor.list_destinations() == []
    assert path.exists()
    gone = admin_client.get(address, follow=True)
    assert "There is no destination 'cursor'." in text_of(gone)


# Preview and sync


def test_a_sync_is_shown_before(admin_client: Client, cursor: Engine, path: Path) -> None:
    page = admin_client.get(url(cursor, "cursor", "sync"))
    text = text_of(page)
    assert "Would be added" in text
    assert '+ "command": "npx"' in text
    assert '- "command": "x"' in text
    assert (TOKEN in page.content.decode(), MASK in text) == (False, True)
    dry = sync(admin_client, cursor, "cursor", "_dry_run")
    assert "Dry run of “cursor”: would have 1 added, 1 removed." in text_of(
        admin_client.get(dry["Location"])
    )
    assert servers(path) == ["old"]
    answer = sync(admin_client, cursor, "cursor")
    assert "Synced “cursor”: 1 added, 1 removed." in text_of(admin_client.get(answer["Location"]))
    written = json.loads(path.read_text())
    assert (written["theme"], list(written["mcpServers"])) == ("dark", ["hub"])
    again = text_of(admin_client.get(url(cursor, "cursor", "sync")))
    assert "there is nothing to do" in again
    assert ".backups" in again


def test_a_sync_of_something_else_is_shown_anew(
    admin_client: Client, cursor: Engine, path: Path
) -> None:
    form = form_of(admin_client.get(url(cursor, "cursor", "sync")))
    cursor.add_server("late", FILES)
    answer = admin_client.post(url(cursor, "cursor", "sync"), form)
    assert "look again" in text_of(answer)
    assert servers(path) == ["old"]
    path.write_text("{}")
    assert "look again" in text_of(
        admin_client.post(url(cursor, "cursor", "sync"), form_of(answer))
    )
    assert path.read_text() == "{}"


def test_a_key_is_synced_too(admin_client: Client, cursor: Engine) -> None:
    cursor.add_destination("key")
    sync(admin_client, cursor, "key")
    assert "hub" in cursor.storage.read_json("targets:key:config")["mcpServers"]


def test_files_are_written_where_that_was_allowed(
    admin_client: Client, cursor: Engine, path: Path, settings: Any
) -> None:
    settings.AGENT_MASTER_STORAGE_DESTINATION_ROOTS = None
    page = admin_client.get(url(cursor, "cursor", "sync"))
    assert page.status_code == 409
    assert "AGENT_MASTER_STORAGE_DESTINATION_ROOTS, which is not set" in text_of(page)
    assert admin_client.post(url(cursor, "cursor", "sync"), {"seen": ""}).status_code == 409
    settings.AGENT_MASTER_STORAGE_DESTINATION_ROOTS = ["/elsewhere"]
    assert "is outside the directories" in text_of(admin_client.get(url(cursor, "cursor", "sync")))
    assert servers(path) == ["old"]


def test_what_can_not_be_read_is_told_of(admin_client: Client, cursor: Engine, path: Path) -> None:
    path.write_text("no JSON")
    page = admin_client.get(url(cursor, "cursor", "sync"))
    assert page.status_code == 409
    assert "cannot be used" in text_of(page)
    assert path.read_text() == "no JSON"


def test_one_that_is_disabled_is_not_synced(
    admin_client: Client, cursor: Engine, path: Path
) -> None:
    cursor.update_destination("cursor", enabled=False)
    page = admin_client.get(url(cursor, "cursor", "sync"))
    assert "nothing is written there" in text_of(page)
    seen = page.context["seen"]
    assert admin_client.post(url(cursor, "cursor", "sync"), {"seen": seen}).status_code == 200
    assert servers(path) == ["old"]


# Who may


def test_who_may_view_looks(cursor: Engine, path: Path) -> None:
    client = browser_of(user_who_may("view"))
    assert "Add MCP destination" not in text_of(client.get(LIST))
    assert str(path) in text_of(client.get(url(cursor, "cursor")))
    assert "Sync now" not in client.get(url(cursor, "cursor", "sync")).content.decode()
    for page in ("change", "delete", "sync"):
        assert client.post(url(cursor, "cursor", page), {"seen": ""}).status_code == 403
    assert client.get(page_url("add")).status_code == 403
    chosen = DestinationAddress(cursor.storage.alias, "cursor").quoted
    given = {"action": "sync", "_selected_action": chosen}
    assert client.post(LIST, given).status_code == 403
    assert servers(path) == ["old"]


def test_who_may_nothing_gets_nothing(cursor: Engine) -> None:
    client = browser_of(user_who_may())
    pages = [url(cursor, "cursor", page) for page in ("change", "delete", "sync")]
    for address in [LIST, page_url("add"), *pages]:
        assert client.get(address).status_code == 403
    assert "MCP destinations" not in client.get("/admin/").content.decode()


def test_no_script_or_style_stands_in_the_pages(admin_client: Client, cursor: Engine) -> None:
    pages = [url(cursor, "cursor", page) for page in ("change", "delete", "sync")]
    for address in [LIST, page_url("add"), *pages]:
        page = admin_client.get(address)
        assert page.status_code == 200
        assert "no-store" in page["Cache-Control"]
        for sign in ("<style", " style=", " onclick", "<script>"):
            assert sign not in page.content.decode()
