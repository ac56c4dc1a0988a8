"""The list: by prefix, by storage, page by page."""

from __future__ import annotations

import re
from math import ceil

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agent_master_storage import actor, storages
from agent_master_storage.admin import stores
from agent_master_storage.admin.addresses import EntryAddress, list_url
from agent_master_storage.admin.views.listing import PAGE_SIZE
from agent_master_storage.backends.base import BaseStorage
from agent_master_storage.exceptions import StorageUnavailable

from .browser import text_of

_ROW = re.compile(r'class="field-key"><a href="[^"]*">([^<]*)</a>')
_NEXT = re.compile(r'<a href="([^"]*)"[^>]*rel="next"')


def keys(admin: Client, **query: str) -> list[str]:
    response = admin.get(list_url("entry"), query)
    assert response.status_code == 200
    return _ROW.findall(response.content.decode())


def test_entries_of_each_storage(admin: Client, storage: BaseStorage) -> None:
    storage.write("config", b'{"a": 1}')
    storage.write("targets:a", b"x")
    assert keys(admin, alias=storage.alias) == ["config", "targets:a"]


def test_all_storages_together(admin: Client) -> None:
    for alias in storages:
        storages[alias].write(f"in-{alias}", b"")
    assert keys(admin) == [f"in-{alias}" for alias in storages]


def test_prefix(admin: Client, storage: BaseStorage) -> None:
    for key in ("targets:a", "targets:b", "target", "a%b", "axb", "a_b", "[x]*?"):
        storage.write(key, b"")
    assert keys(admin, alias=storage.alias, q="targets:") == ["targets:a", "targets:b"]
    assert keys(admin, alias=storage.alias, q="a%") == ["a%b"]
    assert keys(admin, alias=storage.alias, q="a_") == ["a_b"]
    assert keys(admin, alias=storage.alias, q="[x]*") == ["[x]*?"]
    assert keys(admin, alias=storage.alias, q="TARGETS") == []


def test_prefix_uses_an_index(admin: Client) -> None:
    storages["default"].write("targets:a", b"x")
    with CaptureQueriesContext(connection) as queries:
        assert keys(admin, alias="default", q="targets:") == ["targets:a"]
    reading = [q["sql"] for q in queries if "agent_master_storage_entry" in q["sql"]]
    assert reading
    with connection.cursor() as cursor:
        for statement in reading:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}".replace("%", "%%"))
            plan = " ".join(row[3] for row in cursor.fetchall())
            assert "INDEX" in plan
            assert "key>" in plan
            assert "SCAN" not in plan


def test_pages_miss_nothing(admin: Client) -> None:
    expected = []
    for alias in storages:
        for number in range(PAGE_SIZE * 2 // 3):
            storages[alias].write(f"k{number:04}", b"x")
            expected.append(f"k{number:04}")
    found, url, pages = [], list_url("entry"), 0
    while url:
        page = admin.get(url).content.decode()
        found += _ROW.findall(page)
        following = _NEXT.search(page)
        url = list_url("entry") + following[1].replace("&amp;", "&") if following else ""
        pages += 1
    assert found == expected
    assert pages == ceil(len(expected) / PAGE_SIZE)


def _list(admin: Client, storage: BaseStorage) -> str:
    return admin.get(list_url("entry"), {"alias": storage.alias}).content.decode()


def test_a_page_loads_no_more_than_a_page_of_values(admin: Client, logged: BaseStorage) -> None:
    for number in range(5):
        logged.write(f"big{number}", bytes(700_000))
    page = _list(admin, logged)
    assert _ROW.findall(page) == [f"big{number}" for number in range(5)]
    assert page.count("large: not loaded") == 4
    assert page.count("683.6\xa0KB") == 5
    assert len(page) < 50_000


def test_a_large_value_hides_no_other(admin: Client, storage: BaseStorage) -> None:
    storage.write("a", b"before it")
    storage.write("b", bytes(1024 * 1024))
    for number in range(3):
        storage.write(f"c{number}", b"after it")
        storage.write(f"c{number}-large", bytes(600_000))
    page = _list(admin, storage)
    assert "before it" in page
    assert page.count("after it") == 3
    # One that is read to be measured can be shown as well.
    assert page.count("large: not loaded") == (3 if storage.supports_revisions else 0)
    assert page.count("1.0\xa0MB") == 1
    assert page.count("585.9\xa0KB") == 3


def test_what_only_reading_would_measure(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "READ_BYTES", 1000)
    for number in range(3):
        storages["plain"].write(f"k{number}", bytes(600))
    page = _list(admin, storages["plain"])
    assert page.count("600\xa0bytes") == 2
    assert page.count("large: not loaded") == 1


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("a ", r"a\u0020"),
        ("  a b", r"\u0020\u0020a b"),
        (" ", r"\u0020"),
        ("a\u2028b", r"a\u2028b"),
        ("\u200b\ufe0f", r"\u200b\ufe0f"),
        ("x\U000e0101", r"x\u{e0101}"),
        ("ключ:🙂", "ключ:🙂"),
    ],
)
def test_what_is_not_seen_in_a_key_is_shown(admin: Client, key: str, shown: str) -> None:
    memory = storages["memory"]
    memory.write(key, b"1")
    assert _ROW.findall(_list(admin, memory)) == [shown]
    address = EntryAddress("memory", key)
    for page in ("change", "history", "delete"):
        assert shown in text_of(admin.get(address.url(page)))
    assert shown in text_of(admin.get(list_url("change"), {"alias": "memory"}))


def test_shows_who_wrote_what(admin: Client, logged: BaseStorage) -> None:
    with actor("nightly-import"):
        logged.write("config", b'{"answer": 42}')
    text = text_of(admin.get(list_url("entry"), {"alias": logged.alias}))
    assert "nightly-import" in text
    assert '{"answer": 42}' in text
    assert "revision 1" in text


def test_says_which_storages_protect_nothing(admin: Client) -> None:
    assert "plain keeps no revisions" in text_of(admin.get(list_url("entry")))
    of_memory = admin.get(list_url("entry"), {"alias": "memory"})
    assert "no revisions" not in text_of(of_memory)


def test_unknown_alias(admin: Client) -> None:
    assert admin.get(list_url("entry"), {"alias": "nope"}).status_code == 404


@pytest.mark.parametrize("prefix", ["x" * 513, "a\x01b"])
def test_bad_prefix_is_explained(admin: Client, prefix: str) -> None:
    response = admin.get(list_url("entry"), {"q": prefix})
    assert response.status_code == 400
    assert "prefix" in text_of(response)


def test_a_storage_that_is_down(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise StorageUnavailable("connection refused")

    storages["default"].write("still-here", b"")
    monkeypatch.setattr(storages["memory"], "page", refuse)
    everything = admin.get(list_url("entry"))
    assert everything.status_code == 200
    assert "still-here" in text_of(everything)
    alone = admin.get(list_url("entry"), {"alias": "memory"})
    assert alone.status_code == 503
    assert "connection refused" in text_of(alone)


@pytest.mark.parametrize("key", ["a/../b", "..", "_2F", "a b ", "ключ:🙂", "%41", '<b>"&', "a#b?c"])
def test_every_key_has_its_page(admin: Client, storage: BaseStorage, key: str) -> None:
    storage.write(key, b"found")
    page = admin.get(list_url("entry"), {"alias": storage.alias}).content.decode()
    link = re.search(r'class="field-key"><a href="([^"]*)"', page)
    assert link
    assert link[1].split("?")[0] == EntryAddress(storage.alias, key).url("change")
    response = admin.get(link[1].replace("&amp;", "&"))
    assert response.status_code == 200
    assert ">found<" in response.content.decode().replace("\n", "")
