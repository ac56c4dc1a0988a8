"""The form of a key: what is typed arrives, and what is not touched stays as it is."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_master_storage import storages
from agent_master_storage.admin.addresses import EntryAddress
from agent_master_storage.backends.base import BaseStorage
from agent_master_storage.exceptions import StorageUnavailable
from agent_master_storage.types import Change

from .browser import form_of, text_of

VALUES = [
    b"",
    b"\n",
    b"\r\n",
    b"\r",
    b"\n\n  leading and trailing  \n\n",
    b"one\ntwo\n",
    b"one\r\ntwo\r\n",
    b"one\r\ntwo\nthree\rfour",
    b'{"a": 1.0, "b": 12345678901234567890, "a": 1e400, "10": 1, "2": -0}',
    b'{\r\n\t"a" : [ ] }\r\n\r\n',
    b'"\\u00e9 \\ud800"',
    "\ufeff{}".encode(),
    b"<script>alert(1)</script></textarea>&amp;",
    "é\u0085\u2028\u2029\x0b\x0c".encode(),
    b"nul\x00inside",
    b"escape \x1b[31m",
    bytes(range(256)),
    b"x" * 300_000,
]


def url(storage: BaseStorage, key: str = "key", page: str = "change") -> str:
    return EntryAddress(storage.alias, key).url(page)


def save(admin: Client, storage: BaseStorage, **fields: Any) -> Any:
    form = form_of(admin.get(url(storage)))
    return admin.post(url(storage), {**form, **fields})


def changes(storage: BaseStorage) -> list[Change]:
    return storage.history(since=0)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value[:24]))
def test_a_save_without_a_change_writes_nothing(
    admin: Client, storage: BaseStorage, value: bytes
) -> None:
    storage.write("key", value)
    for kind in ("", "text"):
        form = form_of(admin.get(url(storage)))
        if kind and form["kind"] == "json":
            form["kind"] = kind
        response = admin.post(url(storage), form, follow=True)
        assert "Nothing was changed" in text_of(response)
        assert storage.read("key") == value
    if storage.supports_resume:
        assert storage.revision == 1


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.one_of(st.binary(), st.text(st.characters(codec="utf-8")).map(str.encode)))
def test_no_value_is_corrupted(admin: Client, value: bytes) -> None:
    memory = storages["memory"]
    memory.write("key", value)
    revision = memory.revision
    admin.post(url(memory), form_of(admin.get(url(memory))))
    assert memory.read("key") == value
    assert memory.revision == revision


def test_an_edit_is_a_change_by_its_user(admin: Client, logged: BaseStorage) -> None:
    logged.write("key", b'{"a": 1}')
    response = save(admin, logged, text='{"a": 2}')
    assert response.status_code == 302
    assert logged.read("key") == b'{"a": 2}'
    assert [(c.type, c.actor, c.revision) for c in changes(logged)] == [
        ("write", "", 1),
        ("write", "alice", 2),
    ]


def test_an_edit_without_revisions(admin: Client) -> None:
    plain = storages["plain"]
    plain.write("key", b"one")
    assert "keeps no revisions" in text_of(admin.get(url(plain)))
    save(admin, plain, text="two")
    assert plain.read("key") == b"two"


def test_the_admin_remembers_it(admin: Client, logged: BaseStorage) -> None:
    logged.write("key:/?", b"1")
    address = EntryAddress(logged.alias, "key:/?")
    admin.post(address.url("change"), {**form_of(admin.get(address.url("change"))), "text": "2"})
    entry = LogEntry.objects.get()
    assert entry.action_flag == CHANGE
    assert entry.object_repr == "key:/?"
    assert entry.get_admin_url() == address.url("change")
    assert "key:/?" in text_of(admin.get("/admin/"))


@pytest.mark.parametrize(
    ("stored", "typed", "expected"),
    [
        (b"a\r\nb\r\n", "a\nB\nc\n", b"a\r\nB\r\nc\r\n"),
        (b"a\nb\n", "a\nB\nc\n", b"a\nB\nc\n"),
        (b"a\r\nb\nc\r\nd", "a\nb\nX\nd", b"a\r\nb\nX\r\nd"),
        (b"a\rb", "a\nb\n", b"a\rb\r"),
        (b"a", "\n a \n", b"\n a \n"),
    ],
)
def test_line_ends_stay_as_they_were(
    admin: Client, logged: BaseStorage, stored: bytes, typed: str, expected: bytes
) -> None:
    logged.write("key", stored)
    save(admin, logged, text=typed.replace("\n", "\r\n"))
    assert logged.read("key") == expected


def test_another_layout_of_the_same_json_is_no_change(admin: Client, logged: BaseStorage) -> None:
    logged.write("key", b'{"a": [1, 2]}\n')
    response = save(admin, logged, text='{\r\n  "a": [\r\n    1,\r\n    2\r\n  ]\r\n}')
    assert response.status_code == 302
    assert logged.revision == 1
    # As text it is one.
    save(admin, logged, text='{"a":[1,2]}', kind="text")
    assert logged.read("key") == b'{"a":[1,2]}'


def test_numbers_stay_as_they_were_typed(admin: Client, logged: BaseStorage) -> None:
    logged.write("key", b'{"id": 12345678901234567890, "x": 1.0}')
    page = admin.get(url(logged)).content.decode()
    assert 'data-fragile="yes"' in page
    save(admin, logged, text='{"id": 12345678901234567891, "x": 1.00}')
    assert logged.read("key") == b'{"id": 12345678901234567891, "x": 1.00}'
    logged.write("key", b'{"id": 1}')
    assert 'data-fragile="no"' in admin.get(url(logged)).content.decode()


@pytest.mark.parametrize("text", ['{"a": }', "", "NaN", "{'a': 1}", "[" * 100_000])
def test_bad_json_is_explained_and_kept(admin: Client, logged: BaseStorage, text: str) -> None:
    logged.write("key", b'{"a": 1}')
    response = save(admin, logged, text=text)
    assert response.status_code == 200
    assert "Not JSON" in text_of(response)
    assert form_of(response)["text"] == text
    assert logged.revision == 1
    # The form still knows what it was about.
    admin.post(url(logged), {**form_of(response), "text": '{"a": 2}'})
    assert logged.read("key") == b'{"a": 2}'


def test_binary_is_shown_and_replaced_by_a_file(admin: Client, storage: BaseStorage) -> None:
    storage.write("key", b"\xff\x00GIF")
    text = text_of(admin.get(url(storage)))
    assert "Binary, 5" in text
    assert "ff 00 47 49 46" in text
    file = SimpleUploadedFile("any", b"\xfe\r\n\x00")
    assert save(admin, storage, kind="file", file=file).status_code == 302
    assert storage.read("key") == b"\xfe\r\n\x00"


def test_an_empty_file_is_an_empty_value(admin: Client, storage: BaseStorage) -> None:
    storage.write("key", b"text")
    save(admin, storage, kind="file", file=SimpleUploadedFile("any", b""))
    assert storage.read("key") == b""


def test_a_file_must_be_meant(admin: Client, logged: BaseStorage) -> None:
    logged.write("key", b"text")
    assert "Choose a file" in text_of(save(admin, logged, kind="file"))
    file = SimpleUploadedFile("any", b"other")
    assert "You chose a file as well" in text_of(save(admin, logged, kind="text", file=file))
    assert logged.revision == 1


def test_too_large(admin: Client, settings: Any) -> None:
    options = {"BACKEND": "agent_master_storage.backends.memory.MemoryStorage"}
    settings.AGENT_MASTER_STORAGE = {"default": {**options, "OPTIONS": {"max_value_size": 10}}}
    storage = storages["default"]
    storage.write("key", b"short")
    response = save(admin, storage, kind="text", text="x" * 11)
    assert "11 bytes, more than the 10 allowed" in text_of(response)
    response = save(admin, storage, kind="file", file=SimpleUploadedFile("any", bytes(12)))
    assert "12 bytes, more than the 10 allowed" in text_of(response)
    assert storage.revision == 1


def test_a_viewer_reads_only(viewer: Client, storage: BaseStorage) -> None:
    storage.write("key", b'{"a": 1}')
    response = viewer.get(url(storage))
    assert '"a": 1' in text_of(response)
    assert b"<textarea" not in response.content
    assert b'name="_save"' not in response.content
    sent = {"revision": "1", "kind": "text", "text": "no"}
    assert viewer.post(url(storage), sent).status_code == 403
    assert viewer.post(url(storage), {"mine": "bm8=", "revision": "1"}).status_code == 403
    assert storage.read("key") == b'{"a": 1}'


def test_a_missing_key_leads_to_the_list(admin: Client, storage: BaseStorage) -> None:
    response = admin.get(url(storage), follow=True)
    assert "There is no entry “key”" in text_of(response)


def test_large_values_are_edited_as_files(admin: Client, logged: BaseStorage) -> None:
    logged.write("key", b"x" * 1_048_576)
    page = admin.get(url(logged)).content
    assert page.count(b"x" * 1000) > 0
    settings_limit = 1_048_577
    logged.max_value_size = settings_limit
    logged.write("key", b"x" * settings_limit)
    page = admin.get(url(logged)).content
    assert len(page) < 50_000
    assert b"too large to be shown" in page


def test_a_save_while_the_storage_is_down(
    admin: Client, storage: BaseStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise StorageUnavailable("connection refused")

    storage.write("key", b"stored")
    form = form_of(admin.get(url(storage)))
    monkeypatch.setattr(storage, "write", refuse)
    response = admin.post(url(storage), {**form, "text": "mine"})
    assert response.status_code == 503
    assert "connection refused" in text_of(response)
    assert "Nothing was changed" in text_of(response)
