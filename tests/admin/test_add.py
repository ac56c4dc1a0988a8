"""A new key."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from agent_master_storage import storages
from agent_master_storage.admin.addresses import EntryAddress, add_url
from agent_master_storage.backends.base import BaseStorage

from .browser import form_of, text_of


def add(admin: Client, storage: BaseStorage, key: str, **fields: Any) -> Any:
    form = form_of(admin.get(add_url(), {"alias": storage.alias, "key": key}))
    assert form["alias"] == storage.alias
    return admin.post(add_url(), {**form, **fields})


def test_add(admin: Client, storage: BaseStorage) -> None:
    response = add(admin, storage, " key :/é ", text='{"a": 1}')
    assert response.status_code == 302
    assert storage.list() == [" key :/é "]
    assert storage.read(" key :/é ") == b'{"a": 1}'
    entry = LogEntry.objects.get()
    assert entry.action_flag == ADDITION
    assert entry.get_admin_url() == EntryAddress(storage.alias, " key :/é ").url("change")
    if storage.supports_resume:
        assert [(c.type, c.actor) for c in storage.history()] == [("write", "alice")]


def test_a_file(admin: Client, storage: BaseStorage) -> None:
    add(admin, storage, "logo", kind="file", file=SimpleUploadedFile("any", b"\x00\xff\r\n"))
    assert storage.read("logo") == b"\x00\xff\r\n"


def test_text_gets_plain_line_ends(admin: Client, storage: BaseStorage) -> None:
    add(admin, storage, "notes", kind="text", text="one\r\ntwo\r\n")
    assert storage.read("notes") == b"one\ntwo\n"


def test_an_existing_key_is_not_overwritten(admin: Client, storage: BaseStorage) -> None:
    storage.write("key", b"first")
    response = add(admin, storage, "key", kind="text", text="second")
    assert response.status_code == 200
    assert "This key exists already" in text_of(response)
    assert EntryAddress(storage.alias, "key").url("change").encode() in response.content
    assert form_of(response)["text"] == "second"
    assert storage.read("key") == b"first"


@pytest.mark.parametrize("key", ["", "x" * 513, "tab\there", "nul\x00"])
def test_a_bad_key_is_explained(admin: Client, storage: BaseStorage, key: str) -> None:
    form = form_of(admin.get(add_url(), {"alias": storage.alias}))
    response = admin.post(add_url(), {**form, "key": key, "text": "{}"})
    assert response.status_code == 200
    assert b"errorlist" in response.content
    assert form_of(response)["text"] == "{}"
    assert storage.list() == []


def test_bad_json_is_explained(admin: Client, storage: BaseStorage) -> None:
    response = add(admin, storage, "key", text="{bad")
    assert "Not JSON" in text_of(response)
    assert storage.list() == []


@pytest.mark.parametrize(
    ("button", "page"), [("_continue", "change"), ("_addanother", "add"), ("_save", "list")]
)
def test_where_the_buttons_lead(admin: Client, button: str, page: str) -> None:
    response = add(admin, storages["memory"], "key", text="{}", **{button: "yes"})
    expected = {
        "change": EntryAddress("memory", "key").url("change"),
        "add": add_url(),
        "list": "/admin/agent_master_storage/entry/?alias=memory",
    }
    assert response["Location"] == expected[page]


def test_needs_the_permission(viewer: Client, admin: Client) -> None:
    assert viewer.get(add_url()).status_code == 403
    sent = {"alias": "memory", "key": "key", "kind": "text", "text": "no"}
    assert viewer.post(add_url(), sent).status_code == 403
    assert storages["memory"].list() == []


def test_recreating_needs_the_permission_to_add(transactional_db: None) -> None:
    user = User.objects.create_user("eve", is_staff=True)
    names = ["view_entry", "change_entry"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(user)
    address = EntryAddress("memory", "key").url("change")
    assert client.post(address, {"mine": "bm8=", "revision": "0"}).status_code == 403
    storages["memory"].write("key", b"old")
    form = form_of(client.get(address))
    storages["memory"].delete("key")
    page = client.post(address, {**form, "text": "new"})
    assert page.status_code == 409
    assert b"_overwrite" not in page.content
    assert storages["memory"].list() == []
