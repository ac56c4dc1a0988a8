"""The JSON faces of values, entries, changes and errors."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from agent_master_storage import Change, Entry
from agent_master_storage import serialization as wire
from agent_master_storage.exceptions import (
    InvalidKey,
    InvalidValue,
    RevisionAhead,
    RevisionConflict,
)

AT = datetime(2030, 1, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "wish", "expected"),
    [
        (b"", "", ("", "utf-8")),
        (b"text", "", ("text", "utf-8")),
        ("ключ 🔑".encode(), "", ("ключ 🔑", "utf-8")),
        (b"a\x00b", "", ("a\x00b", "utf-8")),
        (b"\xff", "", ("/w==", "base64")),
        (b"\xed\xa0\x80", "", ("7aCA", "base64")),
        (b"text", "base64", ("dGV4dA==", "base64")),
        (b"", "base64", ("", "base64")),
        (b'{"a": [1]}', "json", ({"a": [1]}, "json")),
        (b" null ", "json", (None, "json")),
        (b"not json", "json", ("not json", "utf-8")),
        (b"", "json", ("", "utf-8")),
        (b"NaN", "json", ("NaN", "utf-8")),
        (b"1e999", "json", ("1e999", "utf-8")),
        (b"\xff", "json", ("/w==", "base64")),
        (b"\xff", "utf-8", ("/w==", "base64")),
        (b"\xef\xbb\xbf{}", "json", ("\ufeff{}", "utf-8")),
        (b"[" * 100_000, "json", ("[" * 100_000, "utf-8")),
    ],
)
def test_encode(value: bytes, wish: str, expected: tuple[Any, str]) -> None:
    assert wire.encode(value, wish) == expected
    json.dumps(expected[0])


@pytest.mark.parametrize("value", [b"", b"text", bytes(range(256)), "🔑\u2028".encode(), b"{}"])
@pytest.mark.parametrize("wish", ["", "utf-8", "base64"])
def test_what_was_encoded_is_decoded(value: bytes, wish: str) -> None:
    assert wire.decode(*wire.encode(value, wish)) == value


@pytest.mark.parametrize(
    ("value", "encoding"),
    [
        (5, "utf-8"),
        (None, "utf-8"),
        (["a"], "base64"),
        (b"bytes", "utf-8"),
        ("\ud800", "utf-8"),
        ("not base64!", "base64"),
        ("YQ", "base64"),
        ("ключ", "base64"),
        ("text", "latin-1"),
        ("text", ""),
        ("text", None),
        ("text", ["utf-8"]),
        (float("nan"), "json"),
        (float("inf"), "json"),
        ("\ud800", "json"),
        ({"a": b""}, "json"),
    ],
)
def test_what_cannot_be_decoded(value: Any, encoding: Any) -> None:
    with pytest.raises(InvalidValue):
        wire.decode(value, encoding)


def test_nesting_beyond_measure_is_refused() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InvalidValue):
        wire.dumps(deep)
    with pytest.raises(InvalidValue):
        wire.loads("[" * 100_000 + "]" * 100_000)
    while deep:
        deep = deep[0]


@pytest.mark.parametrize("inner", ["", "1", '"\\ud800"', "[],[]"])
@pytest.mark.parametrize("kind", ["[]", "{}"])
def test_as_deep_as_allowed_and_one_level_more(kind: str, inner: str) -> None:
    def nested(levels: int) -> str:
        begin, end = ("[", "]") if kind == "[]" else ('{"a":', "}")
        # Each inner pair of brackets is a level of its own.
        more = levels - 1 - ("[" in inner)
        return begin * more + f"[{inner}]" + end * more

    wide = f"[{'[],' * 300}{nested(wire.MAX_DEPTH - 1)}]"
    for text in (nested(wire.MAX_DEPTH), wide):
        document = wire.loads(text)
        if "ud800" not in inner:
            assert wire.loads(wire.dumps(document)) == document
    deeper = nested(wire.MAX_DEPTH + 1)
    with pytest.raises(InvalidValue, match="nested deeper than 200 levels"):
        wire.loads(deeper)
    with pytest.raises(InvalidValue):
        wire.dumps(json.loads(deeper))


@pytest.mark.parametrize("text", [b"", b"{", b"NaN", b"[Infinity]", b"\xff", b"'a'", b"1 2"])
def test_what_is_no_json(text: bytes) -> None:
    with pytest.raises(InvalidValue, match="not JSON"):
        wire.loads(text)


def test_documents_are_written_as_the_engine_does() -> None:
    assert wire.dumps({"ü": [1, {}]}) == '{\n  "ü": [\n    1,\n    {}\n  ]\n}'
    assert wire.loads(wire.dumps({"b": 1, "a": 2})) == {"b": 1, "a": 2}


def test_the_face_of_an_entry() -> None:
    entry = Entry(key="k", value=b"{}", revision=3, created_revision=1, updated_at=AT, actor="me")
    assert wire.entry(entry) == {
        "key": "k",
        "value": "{}",
        "encoding": "utf-8",
        "revision": 3,
        "created_revision": 1,
        "updated_at": "2030-01-02T03:04:05.000006Z",
        "actor": "me",
    }
    assert wire.entry(entry, "json")["value"] == {}
    assert wire.entry(entry, values=False) == {"key": "k", "revision": 3}


def test_the_face_of_a_change() -> None:
    change = Change(type="write", key="k", value=b"\xff", revision=3, previous_revision=1, at=AT)
    assert wire.change(change) == {
        "type": "write",
        "key": "k",
        "value": "/w==",
        "encoding": "base64",
        "revision": 3,
        "previous_revision": 1,
        "at": "2030-01-02T03:04:05.000006Z",
        "actor": "",
    }
    gone = Change(type="delete", key="k", value=None, revision=4, previous_revision=3, at=AT)
    assert (wire.change(gone)["value"], wire.change(gone)["encoding"]) == (None, None)


def test_the_face_of_an_error() -> None:
    assert wire.error(InvalidKey("why")) == {"detail": "why", "code": "invalid_key"}
    conflict = RevisionConflict("k", 0, 5)
    conflict.index = 0
    assert wire.error(conflict)["current"] == 5
    assert wire.error(conflict)["index"] == 0
    ahead = wire.error(RevisionAhead("why", oldest=1, current=0))
    assert ahead == {"detail": "why", "code": "revision_ahead", "oldest": 1, "current": 0}
