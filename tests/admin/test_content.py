"""Bytes as people see them, JSON as text, and diffs."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_master_storage.admin import jsontext
from agent_master_storage.admin.content import Content, keep_line_ends, unify_line_ends
from agent_master_storage.admin.diffs import compare
from agent_master_storage.admin.views.downloading import file_name

_lines = st.lists(st.sampled_from(["a", "b", "", "\n", "\r\n", "\r"])).map("".join)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(edited=_lines, stored=_lines)
def test_line_ends(edited: str, stored: str) -> None:
    kept = keep_line_ends(edited, stored)
    assert unify_line_ends(kept) == unify_line_ends(edited)
    assert keep_line_ends(unify_line_ends(stored), stored) == stored


def test_lines_that_were_not_touched_keep_their_ends() -> None:
    stored = "1\r\n2\n3\r4\r\n5"
    assert keep_line_ends("1\n2\nnew\n3\n4\n5", stored) == "1\r\n2\nnew\n3\r4\r\n5"
    assert keep_line_ends("1\n5", stored) == "1\r\n5"


@given(document=_json)
def test_pretty_json_is_the_same_document(document: object) -> None:
    text = json.dumps(document)
    assert json.loads(jsontext.pretty(text)) == document
    assert jsontext.same(text, jsontext.pretty(text))
    assert jsontext.pretty(jsontext.pretty(text)) == jsontext.pretty(text)


def test_pretty() -> None:
    text = '{"a":[1.0,{}],"b":{"c":"x,y:{}"},"d":[]}'
    assert jsontext.pretty(text) == json.dumps(json.loads(text), indent=2)


def test_deep_json_does_not_explode() -> None:
    assert len(jsontext.pretty("[" * 5000 + "]" * 5000)) < 1_000_000


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ('{"a": 1}', '{ "a":1 }\n', True),
        ('"\\u00e9"', '"é"', True),
        ("1", "1.0", False),
        ("1", '"1"', False),
        ('{"a": 1, "b": 2}', '{"b": 2, "a": 1}', False),
        ("12345678901234567890", "12345678901234567891", False),
    ],
)
def test_same(one: str, other: str, expected: bool) -> None:
    assert jsontext.same(one, other) is expected


@pytest.mark.parametrize(
    "text",
    [
        "9007199254740993",
        "12345678901234567890",
        "-0",
        "1.0",
        "1e3",
        "0.10",
        "1e400",
        '{"a": 1, "a": 2}',
        '{"b": 1, "2": 1, "1": 1}',
        '{"__proto__": 1}',
        "not json",
    ],
)
def test_javascript_would_harm_it(text: str) -> None:
    assert not jsontext.survives_javascript(text)


def test_javascript_does_no_harm() -> None:
    assert jsontext.survives_javascript('{"a": [1, -2, 1.5, true, null, "x\\n"], "b": {"1": {}}}')
    assert jsontext.survives_javascript('{"a": 9007199254740991}')


def test_kinds() -> None:
    assert Content(b'{"a": 1}').kind == "json"
    assert Content(b"hello").kind == "text"
    assert Content(b"").kind == "text"
    assert Content(b"\xff").kind == "file"
    assert Content(b"a\x00").kind == "file"


def test_preview() -> None:
    assert Content(b"one\n  two").preview == "one two"
    assert Content(b"\xff\xfe").preview == "binary"
    assert Content("é".encode() * 1000).preview == "é" * 79 + "…"


def test_hex() -> None:
    assert Content(b"AB\x00").hex == f"000000  {'41 42 00':<47}  AB."


@pytest.mark.parametrize(
    ("before", "after", "note"),
    [
        (b"", None, "The value is empty."),
        (b"x", b"x", "The values are the same, byte by byte."),
        (b'{"a":1}', b'{"a": 1}', "The same document, in another layout."),
        (b"x\n" * 6000, b"y", "Values of more than 5,000 lines are not compared here."),
        (None, None, "There is no value on either side."),
    ],
)
def test_notes(before: bytes | None, after: bytes | None, note: str) -> None:
    sides = [None if side is None else Content(side) for side in (before, after)]
    assert compare(*sides).note == note


def test_a_number_that_floats_would_round() -> None:
    one, other = b'{"a": 12345678901234567890.1}', b'{"a": 12345678901234567890.2}'
    lines = [line.text for line in compare(Content(one), Content(other)).lines]
    assert '-  "a": 12345678901234567890.1' in lines


def test_line_ends_can_be_seen() -> None:
    lines = [line.text for line in compare(Content(b"a\r\n"), Content(b"a\n")).lines]
    assert "-a␍" in lines
    assert "+a" in lines


def test_the_worst_diff_takes_no_minutes() -> None:
    one = "\n".join(str(number % 97) for number in range(4990)).encode()
    other = "\n".join(str(number * 7 % 89) for number in range(4990)).encode()
    start = time.perf_counter()
    assert compare(Content(one), Content(other)).lines
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("config", "config"),
        ("targets:a:config", "targets_a_config"),
        ("../../etc/passwd", "etc_passwd"),
        ("...", "value"),
        ("x" * 300, "x" * 100),
    ],
)
def test_file_names(key: str, name: str) -> None:
    assert file_name(key) == name
