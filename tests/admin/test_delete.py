"""Keys are deleted after a question, and only as they were when it was asked."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import DELETION, LogEntry
from django.test import Client

from agent_master_storage import storages
from agent_master_storage.admin.addresses import EntryAddress, list_url
from agent_master_storage.backends.base import BaseStorage

from .browser import action_of, form_of, text_of


def url(storage: BaseStorage, key: str = "key") -> str:
    return EntryAddress(storage.alias, key).url("delete")


def test_delete(admin: Client, storage: BaseStorage) -> None:
    storage.write("key", b"value")
    question = admin.get(url(storage))
    assert "Are you sure" in text_of(question)
    assert storage.list() == ["key"]
    response = admin.post(url(storage), form_of(question), follow=True)
    assert "“key” was deleted" in text_of(response)
    assert storage.list() == []
    assert LogEntry.objects.get().action_flag == DELETION
    if storage.supports_resume:
        assert [(c.type, c.actor) for c in storage.history()][-1] == ("delete", "alice")


def test_a_newer_version_is_not_deleted(admin: Client, storage: BaseStorage) -> None:
    storage.write("key", b"old")
    form = form_of(admin.get(url(storage)))
    storage.write("key", b"new")
    page = admin.post(url(storage), form)
    assert page.status_code == 409
    assert "Nothing was deleted" in text_of(page)
    assert storage.read("key") == b"new"
    admin.post(action_of(page), {**form_of(page), "_overwrite": "yes"})
    assert storage.list() == []


def test_gone_already(admin: Client, storage: BaseStorage) -> None:
    storage.write("key", b"old")
    form = form_of(admin.get(url(storage)))
    storage.delete("key")
    assert "There is no entry" in text_of(admin.post(url(storage), form, follow=True))


def test_a_bare_post_asks(admin: Client, storage: BaseStorage) -> None:
    storage.write("key", b"value")
    assert "Are you sure" in text_of(admin.post(url(storage), {"post": "yes"}))
    assert storage.list() == ["key"]


def test_needs_the_permission(viewer: Client, storage: BaseStorage) -> None:
    storage.write("key", b"value")
    assert viewer.get(url(storage)).status_code == 403
    assert viewer.post(url(storage), {"revision": "1"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": _ids(storage, "key"), "post": "yes"}
    assert viewer.post(list_url("entry"), {**chosen, "revision": "1"}).status_code == 403
    assert storage.list() == ["key"]


# Many


def _ids(storage: BaseStorage, *keys: str) -> list[str]:
    return [EntryAddress(storage.alias, key).quoted for key in keys]


def ask(admin: Client, *ids: str) -> Any:
    chosen = {"action": "delete_selected", "_selected_action": list(ids)}
    return admin.post(list_url("entry"), chosen)


def test_many(admin: Client, storage: BaseStorage) -> None:
    for key in ("a", "b/_2F", "c d"):
        storage.write(key, b"")
    question = ask(admin, *_ids(storage, "a", "b/_2F"))
    assert "b/_2F" in text_of(question)
    assert len(storage.list()) == 3
    response = admin.post(list_url("entry"), form_of(question), follow=True)
    assert "2 entries were deleted" in text_of(response)
    assert storage.list() == ["c d"]
    assert LogEntry.objects.count() == 2
    if storage.supports_resume:
        deleted = [c for c in storage.history() if c.type == "delete"]
        assert {(c.key, c.actor, c.revision) for c in deleted} == {
            ("a", "alice", 4),
            ("b/_2F", "alice", 4),
        }


def test_many_or_none(admin: Client, storage: BaseStorage) -> None:
    for key in "abc":
        storage.write(key, b"")
    question = ask(admin, *_ids(storage, "a", "b", "c"))
    storage.write("b", b"new")
    storage.delete("c")
    response = admin.post(list_url("entry"), form_of(question), follow=True)
    text = text_of(response)
    assert f"Nothing was deleted in {storage.alias}" in text
    assert "“b”, “c”" in text
    assert storage.list() == ["a", "b"]


def test_of_several_storages(admin: Client) -> None:
    for alias in storages:
        storages[alias].write("key", b"")
    question = ask(admin, *[EntryAddress(alias, "key").quoted for alias in storages])
    storages["memory"].write("key", b"new")
    text = text_of(admin.post(list_url("entry"), form_of(question), follow=True))
    assert "Nothing was deleted in memory" in text
    assert [alias for alias in storages if storages[alias].list()] == ["memory"]


def test_nothing_chosen(admin: Client) -> None:
    response = admin.post(list_url("entry"), {"action": "delete_selected"}, follow=True)
    assert "Choose 1 to 1,000 entries" in text_of(response)
    response = admin.post(list_url("entry"), {"action": ""}, follow=True)
    assert "No action was chosen" in text_of(response)


def test_too_many(admin: Client, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = None
    ids = [EntryAddress("memory", f"k{number}").quoted for number in range(1001)]
    response = admin.post(
        list_url("entry"), {"action": "delete_selected", "_selected_action": ids}, follow=True
    )
    assert "Choose 1 to 1,000 entries" in text_of(response)
