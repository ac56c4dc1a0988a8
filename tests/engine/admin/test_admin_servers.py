"""The admin's pages about MCP servers: list, form, conflicts, secrets, permissions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from agent_master_storage import actor, storages
from agent_master_storage.engine import Engine
from agent_master_storage.engine.admin.parts import ServerAddress
from agent_master_storage.engine.secrets import MASK
from tests.admin.browser import action_of, form_of, text_of

from ..api import FILES, TOKEN
from ..conftest import browser_of, user_who_may

pytestmark = pytest.mark.usefixtures("aliases")

page_url = ServerAddress.page_url

LIST = "/admin/agent_master_storage_engine/mcpserver/"


@pytest.fixture(params=["memory", "default"])
def engine(request: pytest.FixtureRequest, transactional_db: None, aliases: None) -> Engine:
    return Engine(storage=storages[request.param])


@pytest.fixture
def hub(engine: Engine) -> Engine:
    """With a server that has something of everything."""
    engine.add_server(
        "hub",
        {
            "command": "npx",
            "args": ["-y", "hub", "--token", TOKEN, "", "two\nlines"],
            "env": {"HUB_TOKEN": TOKEN, "REF": "${REF}", "EMPTY": ""},
            "timeout": 30.50,
            "password": "hunter22hunter22",
            "metadata": {"note": "x"},
        },
        internal={"tags": ["t"], "mood": {"of": "the engine"}},
    )
    return engine


def url(engine: Engine, name: str, page: str = "change") -> str:
    return ServerAddress(engine.storage.alias, name).url(page)


def save(client: Client, engine: Engine, name: str, **fields: Any) -> Any:
    form = form_of(client.get(url(engine, name)))
    return client.post(url(engine, name), {**form, **fields})


def config(engine: Engine, name: str) -> Any:
    return engine.get_server(name).config.to_dict()


# List


def test_the_list(admin_client: Client, hub: Engine) -> None:
    hub.add_server("web", {"url": "https://x.example/mcp"}, internal={"enabled": False})
    response = admin_client.get(LIST)
    text = text_of(response)
    assert "hub" in text
    assert "https://x.example/mcp" in text
    assert "holds a secret in the clear" in text
    assert "source user" in text
    assert TOKEN not in response.content.decode()

    def names(query: str) -> list[str]:
        lines = admin_client.get(f"{LIST}?{query}").context["lines"]
        return [line.server.name for line in lines]

    assert names("") == names(f"alias={hub.storage.alias}") == ["hub", "web"]
    assert names("transport=http") == ["web"]
    assert names("enabled=yes") == ["hub"]
    assert names("enabled=no") == ["web"]
    assert names("q=HU") == ["hub"]
    assert names("p=99") == ["hub", "web"]
    assert names("alias=plain") == []
    assert admin_client.get(f"{LIST}?alias=none").status_code == 404
    index = text_of(admin_client.get("/admin/"))
    assert "MCP servers" in index


def test_long_lists_have_pages(admin_client: Client, engine: Engine) -> None:
    def edit(document: Any) -> None:
        for number in range(120):
            document.insert(f"s{number:03}", {"command": "x"})

    engine.change(edit)
    first = admin_client.get(LIST)
    assert len(first.context["lines"]) == 100
    second = admin_client.get(LIST + first.context["next_query"])
    assert second.context["lines"][0].server.name == "s100"
    assert second.context["next_query"] == ""


def test_actions(admin_client: Client, engine: Engine) -> None:
    for name in ("a", "b", "c/d"):
        engine.add_server(name, FILES)
    quoted = [ServerAddress(engine.storage.alias, name).quoted for name in ("a", "c/d")]
    before = engine.storage.revision
    admin_client.post(LIST, {"action": "disable", "_selected_action": quoted})
    assert [s.name for s in engine.list_servers(enabled=True)] == ["b"]
    assert engine.storage.revision == before + 1
    admin_client.post(LIST, {"action": "enable", "_selected_action": quoted})
    assert len(engine.list_servers(enabled=True)) == 3

    ask = admin_client.post(LIST, {"action": "delete", "_selected_action": quoted})
    assert "Are you sure" in text_of(ask)
    # Changed after the question: none is deleted.
    engine.update_server("a", {"command": "other"})
    answer = admin_client.post(LIST, form_of(ask), follow=True)
    assert "Nothing was deleted" in text_of(answer)
    assert len(engine.list_servers()) == 3
    ask = admin_client.post(LIST, {"action": "delete", "_selected_action": quoted})
    answer = admin_client.post(LIST, form_of(ask), follow=True)
    assert "2 MCP servers were deleted" in text_of(answer)
    assert [s.name for s in engine.list_servers()] == ["b"]

    for data in ({}, {"action": "delete"}, {"action": "explode", "_selected_action": quoted}):
        assert admin_client.post(LIST, data).status_code == 302
    gone = admin_client.post(LIST, {"action": "disable", "_selected_action": quoted}, follow=True)
    assert "Nothing was disabled" in text_of(gone)


# Add


def test_add(admin_client: Client, engine: Engine) -> None:
    alias = engine.storage.alias
    page = admin_client.get(f"{page_url('add')}?alias={alias}&name=files")
    form = form_of(page)
    assert (form["alias"], form["name"], form["enabled"]) == (alias, "files", "on")
    given = {
        "command": "npx",
        "args": ["-y", "files", ""],
        "args-was": ["", "", ""],
        "env": ["b", ""],
        "env-name": ["A", ""],
        "env-was": ["", ""],
        "other": '{"timeout": 5}',
    }
    response = admin_client.post(page_url("add"), {**form, **given})
    assert response.status_code == 302
    server = engine.get_server("files")
    assert server.config.to_dict() == {
        "transport": "stdio",
        "command": "npx",
        "args": ["-y", "files"],
        "env": {"A": "b"},
        "timeout": 5,
    }
    assert (server.enabled, server.internal.sync_targets) == (True, ["all"])
    assert (server.internal.source, server.internal.created_by) == ("user", "admin")
    assert engine.storage.entry("config").actor == "admin"
    assert LogEntry.objects.get().change_message == "Added the MCP server “files”."

    again = admin_client.post(page_url("add"), {**form, **given})
    assert "There is such a server already" in text_of(again)
    more = {**form, **given, "name": "more", "_addanother": "yes"}
    assert admin_client.post(page_url("add"), more)["Location"] == page_url("add")


def test_add_an_address(admin_client: Client, engine: Engine) -> None:
    form = form_of(admin_client.get(f"{page_url('add')}?alias={engine.storage.alias}"))
    given = {
        "name": "a/b ☃%",
        "transport": "sse",
        "url": "https://x.example/sse",
        "headers": ["Bearer ${T}"],
        "headers-name": ["Authorization"],
        "headers-was": [""],
        "sync_targets": ["cursor"],
        "sync_targets-was": [""],
        "_continue": "yes",
    }
    form.pop("enabled")
    response = admin_client.post(page_url("add"), {**form, **given})
    assert response["Location"] == url(engine, "a/b ☃%")
    assert admin_client.get(response["Location"]).status_code == 200
    server = engine.get_server("a/b ☃%")
    assert server.config.headers == {"Authorization": "Bearer ${T}"}
    assert (server.enabled, server.internal.sync_targets) == (False, ["cursor"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "is required for the transport stdio"),
        ({"name": "", "command": "x"}, "This field is required"),
        ({"name": "   ", "command": "x"}, "must be a text that is not empty"),
        ({"transport": "http"}, "is required for the transport http"),
        ({"transport": "http", "url": "x"}, "must begin with http"),
        ({"transport": "http", "url": "https://x", "command": "y"}, "is not allowed for"),
        ({"transport": "pigeon"}, "Select a valid choice"),
        ({"command": "x", "other": "{"}, "Not JSON"),
        ({"command": "x", "other": "[]"}, "must be a JSON object"),
        ({"command": "x", "other": '{"url": "x"}'}, "'url' has a place of its own"),
        ({"command": "x", "other": '{"internal": {}}'}, "'internal' has a place of its own"),
        ({"command": "x", "env": "v", "env-name": "", "env-was": ""}, "needs a name"),
        ({"command": "x", "env": "v", "env-name": "A=B", "env-was": ""}, "env.A=B"),
        (
            {"command": "x", "env": ["1", "2"], "env-name": ["A", "A"], "env-was": ["", ""]},
            "stands twice",
        ),
        ({"command": "x", "args": MASK, "args-was": ""}, "A mask stands in place of a value"),
        ({"command": "x", "alias": "nowhere"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(
    admin_client: Client, given: dict[str, Any], message: str
) -> None:
    form = form_of(admin_client.get(f"{page_url('add')}?alias=memory&name=files"))
    response = admin_client.post(page_url("add"), {**form, **given})
    assert response.status_code == 200
    assert message in text_of(response)
    assert storages["memory"].list() == []


# Edit


def test_a_save_without_an_edit_changes_nothing(admin_client: Client, hub: Engine) -> None:
    before = hub.storage.entry("config")
    response = save(admin_client, hub, "hub")
    assert response.status_code == 302
    assert hub.storage.entry("config") == before


def test_edit(admin_client: Client, hub: Engine) -> None:
    raw = hub.config().raw("hub")
    form = form_of(admin_client.get(url(hub, "hub")))
    form["args"][1] = "other"
    response = admin_client.post(url(hub, "hub"), form)
    assert response.status_code == 302
    after = hub.config().raw("hub")
    assert after["args"] == ["-y", "other", "--token", TOKEN, "", "two\nlines"]
    assert after["internal"].pop("lastModified") > raw["internal"].pop("lastModified")
    assert {**after, "args": raw["args"]} == raw
    assert LogEntry.objects.get().change_message == "Changed the MCP server “hub”."


def test_secrets_are_masked_and_stay(admin_client: Client, hub: Engine) -> None:
    page = admin_client.get(url(hub, "hub"))
    assert TOKEN not in page.content.decode()
    assert "hunter22" not in page.content.decode()
    assert page["Cache-Control"].startswith("no-store")
    assert "2 secrets in the clear" in text_of(page) or "3 secrets in the clear" in text_of(page)
    form = form_of(page)
    # Rows were moved, one was removed and one changed.
    order = [3, 0, 1]
    form["args"] = [form["args"][at] for at in order]
    form["args-was"] = [form["args-was"][at] for at in order]
    form["env-name"] = ["RENAMED", "REF"]
    form["env"] = [form["env"][0], "typed"]
    form["env-was"] = ["HUB_TOKEN", "REF"]
    assert form["args"][0] == form["env"][0] == MASK
    admin_client.post(url(hub, "hub"), form)
    found = config(hub, "hub")
    assert found["args"] == [TOKEN, "-y", "hub"]
    assert found["env"] == {"RENAMED": TOKEN, "REF": "typed"}
    assert found["password"] == "hunter22hunter22"


def test_rows_are_emptied_without_scripts(admin_client: Client, hub: Engine) -> None:
    form = form_of(admin_client.get(url(hub, "hub")))
    assert form["args"][-3:] == ["", "", ""]
    form["args"][1] = ""
    form["args"][-1] = "--new"
    form["env-name"][0] = ""
    admin_client.post(url(hub, "hub"), form)
    found = config(hub, "hub")
    assert found["args"] == ["-y", "--token", TOKEN, "", "two\nlines", "--new"]
    assert found["env"] == {"REF": "${REF}", "EMPTY": ""}


def test_reveal(admin_client: Client, hub: Engine) -> None:
    def reveal(field: str, name: str) -> Any:
        return admin_client.get(url(hub, "hub", "reveal"), {"field": field, "name": name})

    answer = reveal("env", "HUB_TOKEN")
    assert answer.json() == {"value": TOKEN}
    assert answer["Cache-Control"].startswith("no-store")
    assert reveal("args", "3").json() == {"value": TOKEN}
    assert reveal("command", "").json() == {"value": "npx"}
    for field, name in (("env", "none"), ("args", "99"), ("args", "x"), ("internal", ""), ("", "")):
        assert reveal(field, name).status_code == 404
    shown = admin_client.get(url(hub, "hub") + "?reveal")
    assert TOKEN in shown.content.decode()
    admin_client.post(url(hub, "hub"), form_of(shown))
    assert config(hub, "hub")["env"]["HUB_TOKEN"] == TOKEN


def test_rows_that_do_not_fit_together_do_no_harm(admin_client: Client, hub: Engine) -> None:
    form = form_of(admin_client.get(url(hub, "hub")))
    before = hub.storage.entry("config")
    broken = {**form, "env": ["x"], "env-name": [], "env-was": []}
    assert "needs a name" in text_of(admin_client.post(url(hub, "hub"), broken))
    masked = {**form, "args": [MASK], "args-was": ["99"]}
    assert "type the value" in text_of(admin_client.post(url(hub, "hub"), masked))
    assert hub.storage.entry("config") == before
    admin_client.post(url(hub, "hub"), {**form, "args": ["a", "b"], "args-was": ["0"]})
    assert config(hub, "hub")["args"] == ["a", "b"]


def test_a_change_of_transport(admin_client: Client, hub: Engine) -> None:
    form = form_of(admin_client.get(url(hub, "hub")))
    refused = admin_client.post(url(hub, "hub"), {**form, "transport": "http"})
    assert "is not allowed for the transport http" in text_of(refused)
    # With scripts, the fields of the other transport are not sent.
    sent = {
        name: value
        for name, value in form.items()
        if not name.startswith(("args", "env", "command"))
    }
    sent |= {"transport": "http", "url": "https://x.example"}
    admin_client.post(url(hub, "hub"), sent)
    found = config(hub, "hub")
    assert (found["transport"], found["url"]) == ("http", "https://x.example")
    assert not {"command", "args", "env"} & set(found)
    assert found["timeout"] == 30.5


def test_a_broken_server_is_shown_and_mended(admin_client: Client, engine: Engine) -> None:
    engine.storage.write_json(
        "config", {"servers": {"a": {"transport": "pigeon", "command": "x", "args": "none"}}}
    )
    page = admin_client.get(url(engine, "a"))
    assert "What is stored is broken" in text_of(page)
    assert admin_client.get(LIST).status_code == 200
    form = {**form_of(page), "transport": "stdio", "args": ["y"], "args-was": [""]}
    admin_client.post(url(engine, "a"), form)
    assert engine.get_server("a").problems == ()
    assert config(engine, "a") == {"transport": "stdio", "command": "x", "args": ["y"]}


def test_half_a_character_becomes_a_page(admin_client: Client, engine: Engine) -> None:
    engine.storage.write("config", b'{"servers": {"a": {"command": "\\ud800"}, "b": {}}}')
    for address, status in ((LIST, 200), (url(engine, "a"), 400), (url(engine, "b"), 200)):
        assert admin_client.get(address).status_code == status


# Conflicts


def stale(client: Client, engine: Engine, then: Any, **fields: Any) -> Any:
    """The form is opened, bob does something, the form is saved."""
    form = form_of(client.get(url(engine, "hub")))
    with actor("bob"):
        then()
    return client.post(url(engine, "hub"), {**form, "command": "mine", **fields})


def test_a_stale_edit_is_refused_with_both_versions(admin_client: Client, hub: Engine) -> None:
    page = stale(admin_client, hub, lambda: hub.update_server("hub", {"command": "theirs"}))
    assert page.status_code == 409
    assert config(hub, "hub")["command"] == "theirs"
    text = text_of(page)
    assert "Nothing was saved" in text
    assert '- "command": "theirs"' in text
    assert '+ "command": "mine"' in text
    assert "by bob" in text
    assert TOKEN not in page.content.decode()


def test_a_typed_secret_is_not_shown_again(admin_client: Client, hub: Engine) -> None:
    typed = {"env": TOKEN, "env-name": "HUB_TOKEN", "env-was": "HUB_TOKEN"}
    page = stale(admin_client, hub, lambda: hub.disable_server("hub"), **typed)
    assert TOKEN not in text_of(page)
    assert admin_client.post(action_of(page), form_of(page)).status_code == 302
    assert config(hub, "hub")["env"] == {"HUB_TOKEN": TOKEN}


def test_another_server_is_no_conflict(admin_client: Client, hub: Engine) -> None:
    response = stale(admin_client, hub, lambda: hub.add_server("other", FILES))
    assert response.status_code == 302
    assert config(hub, "hub")["command"] == "mine"
    assert config(hub, "other")["command"] == "npx"


def test_overwrite(admin_client: Client, hub: Engine) -> None:
    page = stale(admin_client, hub, lambda: hub.update_server("hub", {"command": "theirs"}))
    hub.disable_server("hub")
    # What was not shown is not overwritten either.
    again = admin_client.post(action_of(page), {**form_of(page), "_overwrite": "yes"})
    assert again.status_code == 409
    done = admin_client.post(action_of(again), {**form_of(again), "_overwrite": "yes"})
    # "theirs" has no token any more that a mask could stand for.
    assert "A mask stands in place of a value" in text_of(done)
    form = form_of(done)
    typed = {"args": ["-y", "hub"], "args-was": ["", ""], "env": [], "env-name": [], "env-was": []}
    saved = admin_client.post(url(hub, "hub"), {**form, **typed, "other": ""})
    assert saved.status_code == 302
    assert config(hub, "hub")["command"] == "mine"


def test_go_on_editing_ones_own_version(admin_client: Client, hub: Engine) -> None:
    page = stale(admin_client, hub, lambda: hub.disable_server("hub"))
    form = admin_client.post(action_of(page), {**form_of(page), "_resume": "yes"})
    assert form.status_code == 200
    fields = form_of(form)
    assert (fields["command"], fields["enabled"]) == ("mine", "on")
    saved = admin_client.post(url(hub, "hub"), fields)
    assert saved.status_code == 302
    server = hub.get_server("hub")
    assert (server.config.command, server.enabled) == ("mine", True)
    assert server.config.args[3] == TOKEN


def test_a_server_that_was_deleted_meanwhile(admin_client: Client, hub: Engine) -> None:
    page = stale(
        admin_client,
        hub,
        lambda: hub.remove_server("hub"),
        args="x",
        **{"args-was": "", "env": "v", "env-name": "A", "env-was": "", "other": ""},
    )
    assert page.status_code == 409
    assert "no such server any more" in text_of(page)
    made = admin_client.post(action_of(page), {**form_of(page), "_overwrite": "yes"})
    assert made.status_code == 302
    assert config(hub, "hub") == {
        "transport": "stdio",
        "command": "mine",
        "args": ["x"],
        "env": {"A": "v"},
    }


def test_a_form_without_what_was_seen_is_stale(admin_client: Client, hub: Engine) -> None:
    form = form_of(admin_client.get(url(hub, "hub")))
    form.pop("fingerprint")
    assert admin_client.post(url(hub, "hub"), form).status_code == 409


def test_delete(admin_client: Client, hub: Engine) -> None:
    ask = admin_client.get(url(hub, "hub", "delete"))
    assert "Are you sure" in text_of(ask)
    assert TOKEN not in ask.content.decode()
    hub.update_server("hub", {"command": "theirs"})
    page = admin_client.post(url(hub, "hub", "delete"), form_of(ask))
    assert page.status_code == 409
    assert "Nothing was deleted" in text_of(page)
    done = admin_client.post(action_of(page), form_of(page), follow=True)
    assert "“hub” was deleted" in text_of(done)
    assert hub.list_servers() == []
    for page_name in ("change", "delete", "rename"):
        gone = admin_client.get(url(hub, "hub", page_name), follow=True)
        assert "There is no server 'hub'." in text_of(gone)


def test_rename(admin_client: Client, hub: Engine) -> None:
    hub.add_server("taken", FILES)
    form = form_of(admin_client.get(url(hub, "hub", "rename")))
    assert form["new_name"] == "hub"
    for bad, message in (("taken", "such a server"), ("\x01", "control"), ("", "required")):
        refused = admin_client.post(url(hub, "hub", "rename"), {"new_name": bad})
        assert message in text_of(refused)
    done = admin_client.post(url(hub, "hub", "rename"), {"new_name": "new/name"})
    assert done["Location"] == url(hub, "new/name")
    assert config(hub, "new/name")["args"][3] == TOKEN


# Permissions


PAGES = ("changelist", "add", "import", "export", "backups")


def test_who_may_view_sees_and_changes_nothing(hub: Engine) -> None:
    client = browser_of(user_who_may("view"))
    before = hub.storage.entry("config")
    page = client.get(url(hub, "hub"))
    assert page.status_code == 200
    assert '<form method="post" id="server_form"' not in page.content.decode()
    assert TOKEN not in page.content.decode()
    assert "Delete selected" not in client.get(LIST).content.decode()
    for name in ("add", "import"):
        assert client.get(page_url(name)).status_code == 403
        assert client.post(page_url(name)).status_code == 403
    for name in ("delete", "rename", "reveal"):
        assert client.get(url(hub, "hub", name)).status_code == 403
    assert client.post(url(hub, "hub"), {"command": "x"}).status_code == 403
    quoted = ServerAddress(hub.storage.alias, "hub").quoted
    chosen = {"action": "disable", "_selected_action": quoted}
    assert client.post(LIST, chosen).status_code == 403
    assert client.post(page_url("backups"), {"alias": hub.storage.alias}).status_code == 403
    assert client.get(url(hub, "hub") + "?reveal").status_code == 200
    assert TOKEN not in client.get(url(hub, "hub") + "?reveal").content.decode()
    assert hub.storage.entry("config") == before


def test_who_may_nothing_gets_nothing(hub: Engine) -> None:
    client = browser_of(user_who_may())
    for address in [*map(page_url, PAGES), url(hub, "hub")]:
        assert client.get(address).status_code == 403
    assert "MCP servers" not in client.get("/admin/").content.decode()
    stranger = Client()
    for address in [*map(page_url, PAGES), url(hub, "hub"), url(hub, "hub", "reveal")]:
        answer = stranger.get(address)
        assert (answer.status_code, "login" in answer["Location"]) == (302, True)


def test_the_first_server_needs_the_permission_to_add(engine: Engine) -> None:
    client = browser_of(user_who_may("view", "change"))
    form = form_of(client.get(f"{page_url('add')}?alias={engine.storage.alias}&name=a"))
    given = {**form, "command": "x"}
    assert client.post(page_url("add"), given).status_code == 403
    engine.add_server("other", FILES)
    assert client.post(page_url("add"), given).status_code == 302


def test_the_rule_is_asked_for_the_key_of_the_document(
    admin_client: Client, hub: Engine, settings: Any
) -> None:
    other = "default" if hub.storage.alias == "memory" else "memory"

    def rule(user: Any, action: str, alias: str, key: str) -> bool:
        return key == "config" and alias == hub.storage.alias

    settings.AGENT_MASTER_STORAGE_PERMISSION = rule
    assert len(admin_client.get(LIST).context["lines"]) == 1
    assert admin_client.get(f"{LIST}?alias={other}").status_code == 403
    assert save(admin_client, hub, "hub", command="y").status_code == 302
    assert admin_client.get(ServerAddress(other, "hub").url("change")).status_code == 403


# What is odd


def test_what_is_no_document_is_told(admin_client: Client, engine: Engine) -> None:
    engine.storage.write("config", b"[]")
    assert "can't be read" in text_of(admin_client.get(LIST)).replace("’", "'")
    for page in ("change", "delete", "rename"):
        assert admin_client.get(url(engine, "a", page)).status_code == 400
    assert engine.storage.read("config") == b"[]"


def test_an_adapter_without_revisions_can_be_looked_at(admin_client: Client) -> None:
    storages["plain"].write_json("config", {"servers": {"a": FILES}})
    address = ServerAddress("plain", "a").url("change")
    page = admin_client.get(address)
    assert page.status_code == 200
    refused = admin_client.post(address, {**form_of(page), "command": "y"})
    assert refused.status_code == 501
    assert json.loads(storages["plain"].read("config"))["servers"]["a"] == FILES


def test_nothing_is_left_for_a_migration(db: None) -> None:
    from django.apps import apps

    names = {model.__name__ for model in apps.get_app_config("agent_master_storage").get_models()}
    assert names == {"State", "Entry", "Change"}


def test_no_script_or_style_stands_in_the_pages(admin_client: Client, hub: Engine) -> None:
    for address in [*map(page_url, PAGES), url(hub, "hub"), url(hub, "hub", "delete")]:
        page: HttpResponse = admin_client.get(address)
        text = page.content.decode()
        assert " style=" not in text
        assert " onclick=" not in text
        assert "<script>" not in text
    assert reverse("admin:agent_master_storage_engine_mcpserver_changelist") == LIST
