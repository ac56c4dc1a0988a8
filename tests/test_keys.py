"""What is a key, a prefix, a value, a revision, and what is said about the others."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from agent_master_storage import storages
from agent_master_storage.exceptions import InvalidKey, InvalidValue, ValueTooLarge
from agent_master_storage.keys import (
    check_key,
    check_prefix,
    check_revision,
    check_value,
    prefix_range,
)


def test_every_character_but_controls_and_surrogates_is_allowed() -> None:
    for number in range(0x110000):
        character = chr(number)
        forbidden = unicodedata.category(character) in ("Cc", "Cs")
        try:
            check_key(character)
        except InvalidKey:
            assert forbidden, hex(number)
        else:
            assert not forbidden, hex(number)


@pytest.mark.parametrize("key", ["a", "a" * 512, "🔑" * 512, " ", ".", "/", "\u200b", "\ufeff"])
def test_good_keys_come_back_as_they_are(key: str) -> None:
    assert check_key(key) is key
    assert check_prefix(key) is key


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "a key must not be empty"),
        ("a" * 513, "the key has 513 characters, more than the 512 allowed"),
        ("ab\x00", "the key holds a control character, U+0000, at position 2"),
        ("a\n", "the key holds a control character, U+000A, at position 1"),
        ("\x85", "the key holds a control character, U+0085, at position 0"),
        ("k\ud800", "the key holds a lone surrogate, U+D800, at position 1"),
        (b"k", "a key must be a str, not bytes"),
        (None, "a key must be a str, not NoneType"),
    ],
)
def test_the_reason_of_a_refusal(key: Any, reason: str) -> None:
    with pytest.raises(InvalidKey) as caught:
        check_key(key)
    assert str(caught.value) == reason


def test_a_prefix_may_be_empty_and_is_otherwise_a_key() -> None:
    assert check_prefix("") == ""
    with pytest.raises(InvalidKey, match="the prefix holds a control character"):
        check_prefix("a\x7f")
    with pytest.raises(InvalidKey, match="the prefix has 513 characters"):
        check_prefix("a" * 513)


def test_values_are_bytes_up_to_their_size() -> None:
    value = b"12345"
    assert check_value(value, 5) is value
    assert check_value(b"", 1) == b""
    for buffer in (bytearray(value), memoryview(value)):
        assert check_value(buffer, 5) == value  # type: ignore[arg-type]
        assert isinstance(check_value(buffer, 5), bytes)  # type: ignore[arg-type]
    with pytest.raises(ValueTooLarge, match="the value has 6 bytes, more than the 5 allowed"):
        check_value(b"123456", 5)


@pytest.mark.parametrize("wrong", ["text", None, 1, [1], {}])
def test_what_is_no_value(wrong: Any) -> None:
    with pytest.raises(InvalidValue, match=f"a value must be bytes, not {type(wrong).__name__}"):
        check_value(wrong, 5)


@pytest.mark.parametrize("wrong", [-1, 2**63, 1.0, "1", None, True, float("nan")])
def test_what_is_no_revision(wrong: Any) -> None:
    with pytest.raises(InvalidValue, match="since must be a whole number from 0 to"):
        check_revision(wrong, "since")


def test_revisions_from_0_to_the_width_of_a_column() -> None:
    assert [check_revision(good) for good in (0, 1, 2**63 - 1)] == [0, 1, 2**63 - 1]


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", ("", None)),
        ("a", ("a", "b")),
        ("a/", ("a/", "a0")),
        ("\ud7ff", ("\ud7ff", "\ue000")),
        ("a\U0010ffff", ("a\U0010ffff", "b")),
        ("\U0010ffff", ("\U0010ffff", None)),
    ],
)
def test_the_range_of_a_prefix(prefix: str, expected: tuple[str, str | None]) -> None:
    assert prefix_range(prefix) == expected


def test_an_error_names_what_was_given() -> None:
    with pytest.raises(InvalidKey, match="the after holds a control character"):
        storages["memory"].entries(after="\n")
