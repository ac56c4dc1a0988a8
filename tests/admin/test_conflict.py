"""Two people at one key: the second is told, sees both versions, and decides."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from agent_master_storage import actor, storages
from agent_master_storage.admin.addresses import EntryAddress
from agent_master_storage.backends.base import BaseStorage

from .browser import action_of, form_of, text_of


def url(storage: BaseStorage, page: str = "change") -> str:
    return EntryAddress(storage.alias, "key").url(page)


def stale_save(admin: Client, storage: BaseStorage, other: bytes | None, **fields: Any) -> Any:
    """Alice opens the form, bob writes (None: deletes), alice saves."""
    form = form_of(admin.get(url(storage)))
    with actor("bob"):
        storage.delete("key") if other is None else storage.write("key", other)
    return admin.post(url(storage), {**form, "text": '{"by": "alice"}', **fields})


def test_refused_with_both_versions(admin: Client, storage: BaseStorage) -> None:
    storage.write("key", b'{"by": "nobody"}')
    response = stale_save(admin, storage, b'{"by": "bob"}')
    assert response.status_code == 409
    assert storage.read("key") == b'{"by": "bob"}'
    text = text_of(response)
    assert "Nothing was saved" in text
    assert '- "by": "bob"' in text
    assert '+ "by": "alice"' in text
    if storage.supports_revisions:
        assert "revision 2, written" in text
        assert "by bob" in text


def test_overwrite(admin: Client, storage: BaseStorage) -> None:
    storage.write("key", b'{"by": "nobody"}')
    page = stale_save(admin, storage, b'{"by": "bob"}')
    response = admin.post(action_of(page), {**form_of(page), "_overwrite": "yes"})
    assert response.status_code == 302
    assert storage.read("key") == b'{"by": "alice"}'


def test_overwriting_what_was_not_shown_is_refused_again(
    admin: Client, storage: BaseStorage
) -> None:
    storage.write("key", b'{"by": "nobody"}')
    page = stale_save(admin, storage, b'{"by": "bob"}')
    storage.write("key", b'{"by": "carol"}')
    again = admin.post(action_of(page), {**form_of(page), "_overwrite": "yes"})
    assert again.status_code == 409
    assert '- "by": "carol"' in text_of(again)
    assert storage.read("key") == b'{"by": "carol"}'


def test_go_on_editing(admin: Client, storage: BaseStorage) -> None:
    storage.write("key", b'{"by": "nobody"}')
    page = stale_save(admin, storage, b'{"by": "bob"}')
    form = admin.post(action_of(page), {**form_of(page), "_resume": "yes"})
    assert form.status_code == 200
    fields = form_of(form)
    assert fields["text"] == '{"by": "alice"}'
    assert storage.read("key") == b'{"by": "bob"}'
    admin.post(url(storage), {**fields, "text": '{"by": "both"}'})
    assert storage.read("key") == b'{"by": "both"}'


def test_go_on_editing_after_yet_another_change(admin: Client, storage: BaseStorage) -> None:
    storage.write("key", b'{"by": "nobody"}')
    page = stale_save(admin, storage, b'{"by": "bob"}')
    storage.write("key", b'{"by": "carol"}')
    again = admin.post(action_of(page), {**form_of(page), "_resume": "yes"})
    assert again.status_code == 409
    assert "carol" in text_of(again)


def test_deleted_meanwhile(admin: Client, storage: BaseStorage) -> None:
    storage.write("key", b'{"by": "nobody"}')
    page = stale_save(admin, storage, None)
    assert page.status_code == 409
    text = text_of(page)
    assert "the entry was deleted after you opened it" in text
    if storage.supports_resume:
        assert "deleted at revision 2" in text
        assert "by bob" in text
    assert storage.list() == []
    admin.post(action_of(page), {**form_of(page), "_overwrite": "yes"})
    assert storage.read("key") == b'{"by": "alice"}'


def test_created_meanwhile_again(admin: Client, logged: BaseStorage) -> None:
    logged.write("key", b'{"by": "nobody"}')
    page = stale_save(admin, logged, None)
    logged.write("key", b'{"by": "carol"}')
    again = admin.post(action_of(page), {**form_of(page), "_overwrite": "yes"})
    assert again.status_code == 409
    assert logged.read("key") == b'{"by": "carol"}'


def test_binary_versions_arrive_whole(admin: Client, storage: BaseStorage) -> None:
    storage.write("key", b"\xff one")
    mine = bytes(range(256)) * 100
    file = SimpleUploadedFile("any", mine)
    page = stale_save(admin, storage, b"\xff two", kind="file", text="", file=file)
    assert page.status_code == 409
    assert "Binary: 5 bytes before, 25,600 bytes after" in text_of(page)
    assert b'name="_resume"' not in page.content
    admin.post(action_of(page), {**form_of(page), "_overwrite": "yes"})
    assert storage.read("key") == mine


def test_line_ends_survive_a_conflict(admin: Client, logged: BaseStorage) -> None:
    logged.write("key", b"a\r\nb\r\n")
    page = stale_save(admin, logged, b"x\r\n", text="a\r\nB\r\n")
    admin.post(action_of(page), {**form_of(page), "_overwrite": "yes"})
    assert logged.read("key") == b"a\r\nB\r\n"


def test_a_version_too_large_to_be_sent_back_is_not_lost_silently(
    admin: Client, logged: BaseStorage
) -> None:
    logged.max_value_size = 3_000_000
    logged.write("key", b"\xff")
    file = SimpleUploadedFile("any", bytes(2_000_000))
    page = stale_save(admin, logged, b"\xfe", kind="file", text="", file=file)
    assert page.status_code == 409
    assert "upload it once more" in text_of(page)
    assert b'name="_overwrite"' not in page.content


def test_an_older_store_under_the_same_revision(admin: Client) -> None:
    """A store that was emptied counts from 1 again; its revision 1 is not the one seen."""
    memory = storages["memory"]
    memory.write("key", b'{"by": "nobody"}')
    form = form_of(admin.get(url(memory)))
    memory.clear()  # type: ignore[attr-defined]
    memory.write("key", b'{"by": "bob"}')
    assert memory.revision == 1
    response = admin.post(url(memory), {**form, "text": '{"by": "alice"}'})
    assert response.status_code == 409
    assert memory.read("key") == b'{"by": "bob"}'


def test_the_version_seen_may_be_compacted(admin: Client, logged: BaseStorage) -> None:
    logged.write("key", b'{"by": "nobody"}')
    form = form_of(admin.get(url(logged)))
    logged.write("key", b'{"by": "bob"}')
    logged.compact(2)
    response = admin.post(url(logged), {**form, "text": '{"by": "alice"}'})
    assert response.status_code == 409
    assert logged.read("key") == b'{"by": "bob"}'


@pytest.mark.parametrize("seen", ["", "x", "-1", "99999999999999999999", "7:nope", "sha256-0"])
def test_a_forged_revision_overwrites_nothing(
    admin: Client, storage: BaseStorage, seen: str
) -> None:
    storage.write("key", b"stored")
    fields = {"revision": seen, "kind": "text", "text": "mine"}
    response = admin.post(url(storage), fields)
    assert response.status_code in (200, 409)
    decided = admin.post(url(storage), {"mine": "bWluZQ==", "revision": seen})
    assert decided.status_code in (400, 409)
    assert storage.read("key") == b"stored"


def test_a_torn_version_is_refused(admin: Client, storage: BaseStorage) -> None:
    storage.write("key", b"stored")
    seen = form_of(admin.get(url(storage)))["revision"]
    response = admin.post(url(storage), {"mine": "no base64!", "revision": seen})
    assert response.status_code == 400
    assert storage.read("key") == b"stored"
