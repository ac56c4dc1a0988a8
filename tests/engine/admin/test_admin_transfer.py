"""The admin's pages for import, export and backups."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from agent_master_storage import storages
from agent_master_storage.engine import Engine
from agent_master_storage.engine.admin.parts import ServerAddress
from agent_master_storage.engine.secrets import MASK
from tests.admin.browser import form_of, text_of

from ..api import FILES, TOKEN
from ..conftest import browser_of, user_who_may

pytestmark = pytest.mark.usefixtures("aliases")

page_url = ServerAddress.page_url

IMPORT = page_url("import")
CLAUDE = {
    "mcpServers": {
        "hub": {"command": "npx", "env": {"HUB_TOKEN": TOKEN}},
        "web": {"url": "https://x.example/mcp"},
    }
}


@pytest.fixture(params=["memory", "default"])
def engine(request: pytest.FixtureRequest, transactional_db: None, aliases: None) -> Engine:
    return Engine(storage=storages[request.param])


def look(client: Client, engine: Engine, text: str = "", **fields: Any) -> Any:
    """The first page of an import."""
    alias = engine.storage.alias
    form = form_of(client.get(f"{IMPORT}?alias={alias}"))
    assert (form["alias"], form["mode"]) == (alias, "merge")
    return client.post(IMPORT, {**form, "text": text or json.dumps(CLAUDE), **fields})


# Import


def test_nothing_is_done_before_it_was_shown(admin_client: Client, engine: Engine) -> None:
    page = look(admin_client, engine)
    assert page.status_code == 200
    assert engine.storage.list() == []
    text = text_of(page)
    assert "a document with mcpServers" in text
    assert "Added 2: hub, web" in text
    assert "1 secret in the clear" in text
    # The token is in the field that is sent again, and nowhere else.
    assert page.content.decode().count(TOKEN) == 1
    assert '+ "HUB_TOKEN": "********"' in text
    done = admin_client.post(IMPORT, {**form_of(page), "_import": "yes"}, follow=True)
    assert f"Imported into {engine.storage.alias}: 2 added." in text_of(done)
    assert engine.get_server("hub").config.env == {"HUB_TOKEN": TOKEN}
    assert engine.get_server("hub").internal.source == "import"
    assert engine.storage.entry("config").actor == "admin"
    assert LogEntry.objects.get().change_message == "Imported MCP servers: 2 added."


def test_an_uploaded_file(admin_client: Client, engine: Engine) -> None:
    toml = b'\xef\xbb\xbf[mcp_servers.files]\ncommand = "npx"\n'
    page = look(admin_client, engine, " ", file=SimpleUploadedFile("config.toml", toml))
    assert "Added 1: files" in text_of(page)
    admin_client.post(IMPORT, {**form_of(page), "_import": "yes"})
    assert engine.get_server("files").config.command == "npx"


def test_the_name_of_a_file_tells_its_client(admin_client: Client, engine: Engine) -> None:
    text = json.dumps({"mcpServers": {"web": {"url": "https://x.example/mcp"}}})
    given = {"alias": engine.storage.alias, "mode": "merge"}
    file = SimpleUploadedFile("cline_mcp_settings.json", text.encode())
    page = admin_client.post(IMPORT, {**given, "file": file})
    assert "Cline's mcpServers" in text_of(page)
    admin_client.post(IMPORT, {**form_of(page), "_import": "yes"})
    assert engine.get_server("web").transport == "sse"


def test_some_of_the_servers(admin_client: Client, engine: Engine) -> None:
    form = form_of(look(admin_client, engine))
    assert form["server"] == ["hub", "web"]
    again = admin_client.post(IMPORT, {**form, "server": ["web"], "_preview": "yes"})
    assert "Added 1: web" in text_of(again)
    assert form_of(again)["server"] == "web"
    admin_client.post(IMPORT, {**form_of(again), "_import": "yes"})
    assert [server.name for server in engine.list_servers()] == ["web"]


def test_modes(admin_client: Client, engine: Engine) -> None:
    engine.add_server("hub", {"command": "other"})
    engine.add_server("old", {"command": "old"})
    text = text_of(look(admin_client, engine, mode="skip"))
    assert "Skipped: there already 1: hub" in text
    assert '"other"' not in text.partition("What becomes of the servers")[2]
    page = look(admin_client, engine, mode="replace")
    assert "Removed 1: old" in text_of(page)
    assert '- "command": "other"' in text_of(page)
    admin_client.post(IMPORT, {**form_of(page), "_import": "yes"})
    assert [server.name for server in engine.list_servers()] == ["hub", "web"]


def test_a_document_that_moved_on_is_shown_again(admin_client: Client, engine: Engine) -> None:
    page = look(admin_client, engine, mode="replace")
    engine.add_server("new", FILES)
    again = admin_client.post(IMPORT, {**form_of(page), "_import": "yes"})
    assert "The document was changed meanwhile: look again." in text_of(again)
    assert "Removed 1: new" in text_of(again)
    assert [server.name for server in engine.list_servers()] == ["new"]
    admin_client.post(IMPORT, {**form_of(again), "_import": "yes"})
    assert [server.name for server in engine.list_servers()] == ["hub", "web"]


def test_back_to_the_text(admin_client: Client, engine: Engine) -> None:
    page = look(admin_client, engine, mode="skip")
    form = form_of(admin_client.post(IMPORT, {**form_of(page), "_back": "yes"}))
    assert json.loads(form["text"]) == CLAUDE
    assert form["mode"] == "skip"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("  ", "Choose a file, or paste a text."),
        ("{", "line 1"),
        ("{}", "format of the document is unknown"),
        ("[]", "must be an object with MCP servers"),
        ('{"mcpServers": {"a": 1}}', "mcpServers.a"),
        ('{"mcpServers": {"a": {"args": []}}}', "mcpServers.a"),
        ('{"mcpServers": {}, "servers": {}}', "mcpServers"),
    ],
)
def test_what_is_none_is_refused(admin_client: Client, text: str, message: str) -> None:
    engine = Engine(storage=storages["memory"])
    page = look(admin_client, engine, text)
    assert page.status_code == 200
    assert message in text_of(page)
    assert form_of(page)["text"] == text
    assert engine.storage.list() == []


def test_other_refusals(admin_client: Client) -> None:
    engine = Engine(storage=storages["memory"])
    both = look(admin_client, engine, "{}", file=SimpleUploadedFile("x", b"{}"))
    assert "You chose a file as well" in text_of(both)
    binary = look(admin_client, engine, " ", file=SimpleUploadedFile("x", b"\xff"))
    assert "Not UTF-8" in text_of(binary)
    wrong = look(admin_client, engine, format="vscode")
    assert "servers" in text_of(wrong)
    assert "Select a valid choice" in text_of(look(admin_client, engine, format="vim"))
    assert "Select a valid choice" in text_of(look(admin_client, engine, mode="explode"))
    assert engine.storage.list() == []


def test_who_may_not_change_imports_nothing(engine: Engine) -> None:
    engine.add_server("a", FILES)
    client = browser_of(user_who_may("view", "add", "delete"))
    for response in (
        client.get(IMPORT),
        client.post(IMPORT, {"alias": engine.storage.alias, "text": json.dumps(CLAUDE)}),
    ):
        assert response.status_code == 403


# Export


def export(client: Client, engine: Engine, **query: Any) -> Any:
    given = {"alias": engine.storage.alias, "format": "mcpServers", "secrets": "on", **query}
    return client.get(page_url("export"), given)


def test_export(admin_client: Client, engine: Engine) -> None:
    engine.import_config(CLAUDE)
    engine.add_server("off", FILES, internal={"enabled": False})
    page = export(admin_client, engine)
    assert TOKEN not in page.content.decode()
    assert MASK in text_of(page)
    file = export(admin_client, engine, _download="yes")
    assert file["Content-Disposition"] == "attachment; filename*=UTF-8''mcpServers.json"
    assert "no-store" in file["Cache-Control"]
    assert sorted(json.loads(file.content)["mcpServers"]) == ["hub", "web"]
    assert json.loads(file.content)["mcpServers"]["hub"]["env"] == {"HUB_TOKEN": TOKEN}
    all_of = export(admin_client, engine, _download="yes", include_disabled="on")
    assert "off" in json.loads(all_of.content)["mcpServers"]
    masked = export(admin_client, engine, _download="yes", secrets="")
    assert TOKEN not in masked.content.decode()
    yaml = export(admin_client, engine, _download="yes", syntax="yaml", format="vscode")
    assert yaml["Content-Type"] == "application/yaml; charset=utf-8"
    assert yaml.content.startswith(b"servers:")
    bad = export(admin_client, engine, _download="yes", format="vim")
    assert bad.status_code == 200
    assert "Select a valid choice" in text_of(bad)


def test_export_tells_what_the_client_can_not_do(admin_client: Client, engine: Engine) -> None:
    engine.add_server("a", {"command": "x", "env": {"A": "${input:a}"}})
    assert "refers to the input 'a'" in text_of(export(admin_client, engine))
    assert "refers to" not in text_of(export(admin_client, engine, format="engine"))


def test_who_may_only_view_gets_masks(engine: Engine) -> None:
    engine.import_config(CLAUDE)
    client = browser_of(user_who_may("view"))
    file = export(client, engine, _download="yes")
    assert TOKEN not in file.content.decode()
    assert MASK in file.content.decode()
    assert "Secrets are masked" in text_of(export(client, engine))


# Backups


def test_backups(admin_client: Client, engine: Engine) -> None:
    alias = engine.storage.alias
    address = f"{page_url('backups')}?alias={alias}"
    assert "There are no backups" in text_of(admin_client.get(address))
    engine.import_config(CLAUDE)
    made = admin_client.post(
        page_url("backups"), {"alias": alias, "description": "good"}, follow=True
    )
    backup = engine.list_backups()[0]
    assert f"The backup {backup.id} was made." in text_of(made)
    assert "good" in text_of(made)
    engine.remove_server("hub")

    restore = f"{page_url('backups_restore')}?alias={alias}&id={backup.id}"
    ask = admin_client.get(restore)
    assert '+ "hub": {' in text_of(ask)
    assert TOKEN not in ask.content.decode()
    engine.add_server("late", FILES)
    again = admin_client.post(restore, form_of(ask))
    assert "The document was changed meanwhile" in text_of(again)
    assert len(engine.list_servers()) == 2
    done = admin_client.post(restore, form_of(again), follow=True)
    assert f"{backup.id} was restored" in text_of(done)
    assert [server.name for server in engine.list_servers()] == ["hub", "web"]
    kept = engine.get_backup(engine.list_backups()[0].id)
    assert [server.name for server in kept.list()] == ["web", "late"]

    gone = admin_client.get(f"{page_url('backups_restore')}?alias={alias}&id=none", follow=True)
    assert "There is no backup 'none'." in text_of(gone)
    unseen = admin_client.post(restore, {"alias": alias, "id": backup.id})
    assert unseen.status_code == 403
    assert admin_client.get(f"{page_url('backups')}?alias=nowhere").status_code == 404


def test_a_backup_mends_what_is_broken(admin_client: Client, engine: Engine) -> None:
    engine.import_config(CLAUDE)
    backup = engine.create_backup()
    engine.storage.write("config", b"broken")
    restore = f"{page_url('backups_restore')}?alias={engine.storage.alias}&id={backup.id}"
    ask = admin_client.get(restore)
    assert "What is stored now is no document" in text_of(ask)
    assert admin_client.post(restore, form_of(ask)).status_code == 302
    assert engine.get_server("hub").enabled


def test_who_may_only_view_restores_nothing(engine: Engine) -> None:
    engine.import_config(CLAUDE)
    backup = engine.create_backup()
    client = browser_of(user_who_may("view"))
    page = client.get(f"{page_url('backups')}?alias={engine.storage.alias}")
    assert backup.id in text_of(page)
    assert "Back up now" not in page.content.decode()
    given = {"alias": engine.storage.alias, "id": backup.id}
    assert client.get(page_url("backups_restore"), given).status_code == 403
    assert client.post(page_url("backups_restore"), {**given, "seen": "1"}).status_code == 403
