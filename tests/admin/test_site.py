"""How the pages sit in Django's admin: names, menus, permissions, transactions, safety."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.test import Client, RequestFactory
from django.urls import reverse

from agent_master_storage import models, storages
from agent_master_storage.admin.addresses import ChangeAddress, EntryAddress, add_url, list_url
from agent_master_storage.admin.model_admins import EntryAdmin
from agent_master_storage.backends.base import BaseStorage

from ..backends.redis import stores
from .browser import attributes_of, form_of, text_of

_PAGES = ("change", "delete", "history", "download")


def only_memory(user: Any, action: str, alias: str, key: str) -> bool:
    """A rule that tells storages apart."""
    return bool(user.is_active and alias == "memory")


def only_targets(user: Any, action: str, alias: str, key: str) -> bool:
    """A rule that tells keys apart."""
    return bool(user.is_active and alias == "memory" and key.startswith("targets:"))


# Names


def test_the_names_that_the_admin_gives(admin: Client, transactional_db: None) -> None:
    storages["default"].write("key", b'{"a": 1}')
    assert reverse("admin:agent_master_storage_entry_changelist") == list_url("entry")
    assert reverse("admin:agent_master_storage_entry_add") == add_url()
    row = models.Entry.objects.get()
    for page in ("change", "delete", "history"):
        response = admin.get(reverse(f"admin:agent_master_storage_entry_{page}", args=[row.pk]))
        assert response.status_code == 200
        assert "key" in text_of(response)
    change = models.Change.objects.get()
    response = admin.get(reverse("admin:agent_master_storage_change_change", args=[change.pk]))
    assert "key at revision 1" in text_of(response)


@pytest.mark.parametrize("model", ["entry", "change"])
@pytest.mark.parametrize("number", ["0", "9223372036854775807", "9223372036854775808", "9" * 5000])
def test_a_number_of_no_row(admin: Client, model: str, number: str) -> None:
    url = reverse(f"admin:agent_master_storage_{model}_change", args=[number])
    assert admin.get(url).status_code == 404


def test_a_bare_address_leads_to_the_page(admin: Client) -> None:
    storages["memory"].write("key", b"1")
    bare = EntryAddress("memory", "key").url("change").removesuffix("change/")
    assert admin.get(bare)["Location"] == EntryAddress("memory", "key").url("change")


def test_menus(admin: Client, viewer: Client) -> None:
    index = admin.get("/admin/").content.decode()
    assert list_url("entry") in index
    assert list_url("change") in index
    assert add_url() in index
    assert list_url("change") + "add/" not in index
    seen = viewer.get("/admin/").content.decode()
    assert list_url("entry") in seen
    assert add_url() not in seen


@pytest.mark.parametrize("object_id", ["999999", "nope_2Fkey", "memory_2F", "memory", "9" * 30])
def test_ids_that_mean_nothing(admin: Client, object_id: str) -> None:
    for page in _PAGES:
        url = reverse(f"admin:agent_master_storage_entry_{page}", args=[object_id])
        assert admin.get(url).status_code == 404
    url = reverse("admin:agent_master_storage_change_change", args=[object_id])
    assert admin.get(url).status_code == 404


# Permissions


def test_strangers_are_asked_to_log_in(transactional_db: None) -> None:
    storages["memory"].write("key", b"secret")
    user = User.objects.create_user("mallory")
    user.user_permissions.set(Permission.objects.all())
    client = Client()
    client.force_login(user)
    for visitor in (Client(), client):
        for page in _PAGES:
            response = visitor.get(EntryAddress("memory", "key").url(page))
            assert response.status_code == 302
            assert "/login/" in response["Location"]
        assert visitor.get(list_url("entry")).status_code == 302


def test_staff_without_permissions(transactional_db: None) -> None:
    storages["memory"].write("key", b"secret")
    client = Client()
    client.force_login(User.objects.create_user("eve", is_staff=True))
    for page in _PAGES:
        assert client.get(EntryAddress("memory", "key").url(page)).status_code == 403
    assert client.get(ChangeAddress("memory", 1, "key").url()).status_code == 403
    assert client.get(list_url("entry")).status_code == 403
    assert client.get(list_url("change")).status_code == 403
    assert list_url("entry") not in client.get("/admin/").content.decode()


def test_who_may_add_alone_is_not_led_to_a_refusal(transactional_db: None) -> None:
    user = User.objects.create_user("eve", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="add_entry"))
    client = Client()
    client.force_login(user)
    form = form_of(client.get(add_url(), {"alias": "memory"}))
    response = client.post(add_url(), {**form, "key": "key", "text": "1"})
    assert response["Location"] == reverse("admin:index")
    assert storages["memory"].read("key") == b"1"


def test_who_may_delete_alone_sees_no_value(transactional_db: None) -> None:
    memory = storages["memory"]
    memory.write("key", b"secret-1")
    user = User.objects.create_user("eve", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="delete_entry"))
    client = Client()
    client.force_login(user)
    question = client.get(EntryAddress("memory", "key").url("delete"))
    assert "secret" not in text_of(question)
    memory.write("key", b"secret-2")
    conflict = client.post(EntryAddress("memory", "key").url("delete"), form_of(question))
    assert conflict.status_code == 409
    assert "secret" not in text_of(conflict)


def test_a_rule_by_storage(settings: Any, viewer: Client) -> None:
    settings.AGENT_MASTER_STORAGE_PERMISSION = only_memory
    for alias in ("default", "memory"):
        storages[alias].write(f"in-{alias}", b"1")
    page = text_of(viewer.get(list_url("entry")))
    assert "in-memory" in page
    assert "default" not in page
    for model in ("entry", "change"):
        page = text_of(viewer.get(list_url(model), {"alias": "default"}))
        assert "in-default" not in page
        assert "search for a prefix that you may" in page
    assert "default" not in text_of(viewer.get(list_url("change")))
    assert "default" not in text_of(viewer.get(add_url()))
    assert viewer.get(EntryAddress("default", "in-default").url("change")).status_code == 403


def test_a_rule_by_key(settings: Any, viewer: Client) -> None:
    settings.AGENT_MASTER_STORAGE_PERMISSION = only_targets
    memory = storages["memory"]
    memory.write("targets:a", b"1")
    memory.write("secret", b"1")
    for model in ("entry", "change"):
        for query in ({}, {"alias": "memory"}, {"alias": "memory", "q": "s"}, {"q": "s"}):
            page = text_of(viewer.get(list_url(model), query))
            assert "search for a prefix that you may" in page
            assert "no such change" not in page
            assert "There are no entries" not in page
            assert "secret" not in page
        page = text_of(viewer.get(list_url(model), {"alias": "memory", "q": "targets:"}))
        assert "targets:a" in page
        assert "search for a prefix that you may" not in page
    page = text_of(viewer.get(list_url("entry"), {"q": "targets:"}))
    assert "targets:a" in page
    assert "secret" not in page
    url = EntryAddress("memory", "targets:a").url("change")
    viewer.post(url, {**form_of(viewer.get(url)), "text": "2"})
    assert memory.read("targets:a") == b"2"
    assert viewer.get(EntryAddress("memory", "secret").url("change")).status_code == 403
    form = form_of(viewer.get(add_url(), {"key": "targets:b"}))
    assert viewer.post(add_url(), {**form, "key": "other", "text": "1"}).status_code == 403
    assert viewer.post(add_url(), {**form, "text": "1"}).status_code == 302
    assert memory.list() == ["secret", "targets:a", "targets:b"]


# Transactions


def test_written_outside_of_any_transaction(
    admin: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under ATOMIC_REQUESTS too: what the page calls saved is committed."""
    from django.db import connections

    for connection in connections.all():
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    default = storages["default"]
    default.write("key", b"1")
    inside = []
    write = default.write

    def watched(*args: Any, **kwargs: Any) -> Any:
        inside.append(connections["default"].in_atomic_block)
        return write(*args, **kwargs)

    monkeypatch.setattr(default, "write", watched)
    url = EntryAddress("default", "key").url("change")
    assert admin.post(url, {**form_of(admin.get(url)), "text": "2"}).status_code == 302
    assert inside == [False]


# Another site


def test_on_another_admin_site(alice: User) -> None:
    site = AdminSite(name="other")
    site.register(models.Entry, EntryAdmin)
    names = {pattern.name for pattern in site.get_urls() if hasattr(pattern, "name")}
    assert "index" in names
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    entry_admin = site.get_model_admin(models.Entry)
    assert not entry_admin.has_view_permission(request)
    request.user = alice
    assert entry_admin.has_view_permission(request)


# Safety


def test_nothing_inline_and_everything_escaped(admin: Client, logged: BaseStorage) -> None:
    key = "<img src=x onerror=alert(1)>\"'&{{7*7}}"
    value = b"</pre></textarea><script>alert(1)</script>"
    logged.write(key, b"old")
    address = EntryAddress(logged.alias, key)
    stale = form_of(admin.get(address.url("change")))
    logged.write(key, value)
    chosen = {"action": "delete_selected", "_selected_action": address.quoted}
    pages = [
        admin.get(list_url("entry"), {"q": "<img", "alias": logged.alias}),
        admin.get(list_url("change"), {"q": "<img", "alias": logged.alias}),
        admin.get(add_url(), {"key": key}),
        admin.get(address.url("change")),
        admin.get(address.url("delete")),
        admin.get(address.url("history")),
        admin.get(ChangeAddress(logged.alias, 2, key).url()),
        admin.post(address.url("change"), {**stale, "text": "mine"}),
        admin.post(list_url("entry"), chosen),
        admin.get(list_url("entry"), {"q": "\x01"}),
    ]
    for response in pages:
        page = response.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", page)
        assert "style" not in (used := attributes_of(response))
        assert not [name for name in used if name.startswith("on")]
        assert "<img src=x" not in page
        assert "alert(1)</script>" not in page


def test_something_else_under_the_name_of_a_key(admin: Client) -> None:
    redis: Any = storages["redis"]
    redis.write("key", b"before")
    stores.spoil(redis, "key")
    response = admin.get(EntryAddress("redis", "key").url("change"))
    assert response.status_code == 409
    assert "This is no entry" in text_of(response)
    assert "tests:key in Redis holds no string" in text_of(response)
    assert admin.get(list_url("entry"), {"alias": "redis"}).status_code == 200


def test_csrf(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    memory = storages["memory"]
    memory.write("key", b"1")
    address = EntryAddress("memory", "key")
    sent = {"revision": "1", "kind": "text", "text": "2", "to": "1", "post": "yes"}
    for url in (address.url("change"), address.url("delete"), address.url("restore"), add_url()):
        assert client.post(url, sent).status_code == 403
    assert memory.revision == 1


def test_thousands_separators_break_no_form(
    admin: Client, logged: BaseStorage, settings: Any
) -> None:
    settings.USE_THOUSAND_SEPARATOR = True
    for _ in range(1100):
        logged.write("key", b"1")
    url = EntryAddress(logged.alias, "key").url("change")
    admin.post(url, {**form_of(admin.get(url)), "text": "2"})
    assert logged.read("key") == b"2"
    page = admin.get(ChangeAddress(logged.alias, 1050, "key").url())
    assert admin.post(EntryAddress(logged.alias, "key").url("restore"), form_of(page))
    assert logged.read("key") == b"1"
