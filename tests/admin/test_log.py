"""The change log: read-only, the newest first, each change with its diff, and the way back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from agent_master_storage import Delete, Write, actor, storages
from agent_master_storage.admin import log
from agent_master_storage.admin.addresses import ChangeAddress, EntryAddress, list_url
from agent_master_storage.admin.views.changes import PAGE_SIZE
from agent_master_storage.backends.base import BaseStorage
from agent_master_storage.watch import Selector

from .browser import action_of, form_of, text_of

_LINE = re.compile(r'<tr>\s*<th scope="row"><a href="[^"]*">([0-9]+)</a>')
_OLDER = re.compile(r'<a href="([^"]*)"[^>]*rel="next"')


def revisions(admin: Client, **query: str) -> list[int]:
    """Of all pages, in the order of the pages."""
    url, found = list_url("change"), []
    while url:
        page = admin.get(url, query).content.decode()
        lines = [int(number) for number in _LINE.findall(page)]
        found += lines
        older = _OLDER.search(page)
        url, query = (older[1].replace("&amp;", "&") if older else ""), {}
        url = url and list_url("change") + url
    return found


def diff(admin: Client, storage: BaseStorage, revision: int, key: str = "key", **query: str) -> Any:
    return admin.get(ChangeAddress(storage.alias, revision, key).url(), query)


# The list


def test_newest_first_and_complete(admin: Client, logged: BaseStorage) -> None:
    for number in range(PAGE_SIZE * 2 + 7):
        logged.write(f"k{number % 10}", b"x")
    newest = logged.revision
    assert revisions(admin, alias=logged.alias) == list(range(newest, 0, -1))


def test_by_prefix(admin: Client, logged: BaseStorage) -> None:
    rare = []
    for number in range(400):
        if number % 90 == 0:
            rare.append(logged.write("rare:key", b"x"))
        logged.write("common", b"x")
    assert revisions(admin, alias=logged.alias, q="rare:") == rare[::-1]


def test_one_key(admin: Client, logged: BaseStorage) -> None:
    logged.write("key", b"1")
    logged.write("key:longer", b"x")
    with actor("bob"):
        logged.delete("key")
    response = admin.get(EntryAddress(logged.alias, "key").url("history"))
    page = response.content.decode()
    assert _LINE.findall(page) == ["3", "1"]
    assert "by bob" in text_of(response)
    assert "deleted" in text_of(response)


def test_a_commit_is_not_split(logged: BaseStorage) -> None:
    logged.commit([Write(f"k{number}", b"") for number in range(30)])
    logged.write("last", b"")
    page = log.newest(logged, Selector.of(), None, 5)
    assert [line.revision for line in page.lines] == [2, *[1] * 30]
    assert page.before is None


def test_a_compacted_log(admin: Client, logged: BaseStorage) -> None:
    for number in range(10):
        logged.write("key", str(number).encode())
    logged.compact(7)
    assert revisions(admin, alias=logged.alias) == [10, 9, 8]
    assert "goes back to revision 8" in text_of(
        admin.get(list_url("change"), {"alias": logged.alias})
    )


def test_compacted_while_it_is_read(logged: BaseStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10):
        logged.write("key", str(number).encode())
    monkeypatch.setattr(type(logged), "oldest", property(lambda self: 1))
    logged.compact(7)
    page = log.newest(logged, Selector.of(), None, 50)
    assert [line.revision for line in page.lines] == [10, 9, 8]


def test_an_empty_log(admin: Client, logged: BaseStorage) -> None:
    response = admin.get(list_url("change"), {"alias": logged.alias})
    assert "The change log holds no such change" in text_of(response)


def test_a_storage_without_a_log(admin: Client) -> None:
    storages["plain"].write("key", b"x")
    assert admin.get(list_url("change"), {"alias": "plain"}).status_code == 501
    assert admin.get(EntryAddress("plain", "key").url("history")).status_code == 501
    page = admin.get(EntryAddress("plain", "key").url("change"))
    assert EntryAddress("plain", "key").url("history").encode() not in page.content


def test_nobody_edits_it(admin: Client, logged: BaseStorage) -> None:
    logged.write("key", b"x")
    for url in (list_url("change"), ChangeAddress(logged.alias, 1, "key").url()):
        assert admin.post(url, {}).status_code == 405
    for page in ("add/", "1/delete/"):
        assert admin.post(list_url("change") + page, {}, follow=True).status_code in (404, 405)
    assert logged.revision == 1


# Diffs


def test_diff(admin: Client, logged: BaseStorage) -> None:
    logged.write("key", b'{"a":1,"b":[1,2]}')
    logged.write("key", b'{"a":1,"b":[1,3],"c":"<b>"}')
    response = diff(admin, logged, 2)
    text = text_of(response)
    assert "- 2" in text
    assert "+ 3" in text
    assert b"&lt;b&gt;" in response.content
    assert b"<b>" not in response.content


def test_diff_of_first_and_last(admin: Client, logged: BaseStorage) -> None:
    logged.write("key", b"one\ntwo")
    logged.delete("key")
    assert "+one +two" in text_of(diff(admin, logged, 1))
    text = text_of(diff(admin, logged, 2))
    assert "-one -two" in text
    assert "Restore this version" not in text


def test_diff_with_the_present(admin: Client, logged: BaseStorage) -> None:
    for value in (b"one", b"two", b"three"):
        logged.write("key", value)
    text = text_of(diff(admin, logged, 1, against="present"))
    assert "-one +three" in text


def test_diff_when_the_value_before_is_gone(admin: Client, logged: BaseStorage) -> None:
    logged.write("key", b"one")
    logged.write("other", b"x")
    logged.write("key", b"two")
    logged.compact(2)
    text = text_of(diff(admin, logged, 3))
    assert "The value before is gone" in text
    assert diff(admin, logged, 1).status_code == 410


def test_diff_of_binary_and_large_values(admin: Client, logged: BaseStorage) -> None:
    logged.write("key", b"\xff")
    logged.write("key", b"\xff\xfe")
    assert "Binary: 1 bytes before, 2 bytes after" in text_of(diff(admin, logged, 2))
    logged.write("key", b"x" * 300_000)
    response = diff(admin, logged, 3)
    assert "more than 256 KiB are not compared" in text_of(response)
    assert len(response.content) < 50_000


@pytest.mark.parametrize("revision", [0, 2, 3])
def test_no_such_change(admin: Client, logged: BaseStorage, revision: int) -> None:
    logged.write("key", b"x")
    logged.write("other", b"x")
    assert diff(admin, logged, revision).status_code in (404, 410)


# Restoring


def test_restoring_is_a_new_change(admin: Client, logged: BaseStorage) -> None:
    older = b'\xff{"a": 1.0}\r\n'
    logged.write("key", older)
    logged.write("key", b"newer")
    page = diff(admin, logged, 1)
    assert action_of(page) == EntryAddress(logged.alias, "key").url("restore")
    response = admin.post(action_of(page), form_of(page), follow=True)
    assert "Restored the value of revision 1" in text_of(response)
    assert logged.read("key") == older
    last = logged.history()[-1]
    assert (last.revision, last.previous_revision, last.actor) == (3, 2, "alice")
    assert LogEntry.objects.get().change_message == "Restored the value of revision 1."


def test_restoring_a_deleted_key(admin: Client, logged: BaseStorage) -> None:
    logged.write("key", b"value")
    logged.commit([Delete("key")])
    page = diff(admin, logged, 1)
    admin.post(action_of(page), form_of(page))
    assert logged.entry("key").created_revision == 3


def test_restoring_meets_a_newer_version(admin: Client, logged: BaseStorage) -> None:
    logged.write("key", b"one")
    logged.write("key", b"two")
    page = diff(admin, logged, 1)
    logged.write("key", b"three")
    conflict = admin.post(action_of(page), form_of(page))
    assert conflict.status_code == 409
    assert "-three +one" in text_of(conflict)
    assert logged.read("key") == b"three"
    admin.post(action_of(conflict), {**form_of(conflict), "_overwrite": "yes"})
    assert logged.read("key") == b"one"


def test_the_present_version_needs_no_restoring(admin: Client, logged: BaseStorage) -> None:
    logged.write("key", b"one")
    assert "Restore this version" not in text_of(diff(admin, logged, 1))


def test_restoring_what_is_gone(admin: Client, logged: BaseStorage) -> None:
    for value in (b"one", b"two", b"three"):
        logged.write("key", value)
    page = diff(admin, logged, 1)
    logged.compact(3)
    assert admin.post(action_of(page), form_of(page)).status_code == 410
    assert admin.post(action_of(page), {**form_of(page), "to": "x"}).status_code == 404
    assert admin.post(action_of(page), {**form_of(page), "to": "99"}).status_code == 410
    assert admin.get(action_of(page)).status_code == 405
    assert logged.read("key") == b"three"


def test_restoring_needs_the_permission(viewer: Client, logged: BaseStorage) -> None:
    logged.write("key", b"one")
    logged.write("key", b"two")
    page = diff(viewer, logged, 1)
    assert page.status_code == 200
    assert "Restore this version" not in text_of(page)
    url = EntryAddress(logged.alias, "key").url("restore")
    assert viewer.post(url, {"to": "1", "revision": "2"}).status_code == 403
    assert logged.read("key") == b"two"


# Downloads


def test_download(admin: Client, storage: BaseStorage) -> None:
    storage.write("a/../b:<x>é.html", b"<script>\xff")
    response = admin.get(EntryAddress(storage.alias, "a/../b:<x>é.html").url("download"))
    assert response.content == b"<script>\xff"
    assert response["Content-Type"] == "application/octet-stream"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"].startswith("attachment; filename")
    assert "/" not in response["Content-Disposition"]
    assert admin.get(EntryAddress(storage.alias, "missing").url("download")).status_code == 404


def test_download_of_an_older_value(admin: Client, logged: BaseStorage) -> None:
    logged.write("key", b"one")
    logged.write("key", b"two")
    url = EntryAddress(logged.alias, "key").url("download")
    assert admin.get(url, {"revision": "1"}).content == b"one"
    assert admin.get(url, {"revision": "x"}).status_code == 404
    assert admin.get(url, {"revision": "9"}).status_code == 410
