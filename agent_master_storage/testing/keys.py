"""Which keys there are, that each is itself alone, and how they are listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..exceptions import InvalidKey
from .base import Contract, assert_equal, assert_raises, assert_true

SLASHES = ["/", "//", "k", "k/", "k//", "k/a", "k/a/", "k/a/b", "k:a", "ka"]
WILDCARDS = [
    "%", "_", "*", "?", "[", "]", "[a]", "\\", "a%", "a_", "a*", "a?", "ab", "a[b]", "a\\", "a\\*",
    "^", "[^a]", "[!a]", "{a,b}",
]  # fmt: skip
QUOTES = ["'", '"', "`", "''", "' OR 1=1 --", "%s", "%(key)s", "{}", "$1", "?1", ":a", "#", "&"]
UNICODE = [
    " ",
    "  ",
    "a",
    "a ",
    " a",
    "A",
    "ß",
    "SS",
    "ss",
    "é",
    "e\u0301",
    "ﬁ",
    "fi",
    "İ",
    "i̇",
    "ключ",
    "鍵",
    "\ud7ff",
    "\ue000",
    "\ufeff",
    "\ufffd",
    "\uffff",
    "\U00010000",
    "🔑",
    "\U0010ffff",
    "\u00a0",
    "\u200b",
    "\u202e",
    "\u2028",
]
DOTS = [".", "..", "./a", "../a", "a/..", "a/./b", "~", "C:\\a", "a.b"]


def refused_keys() -> Iterator[Any]:
    """What is no key."""
    yield from ("", "a" * 513, "🔑" * 513)
    yield from ("\x00", "a\x00", "a\nb", "\t", "\r", "\x1f", "\x7f", "\x80", "a\x85", "\x9f")
    yield from ("\ud800", "a\udfff", "\ud83d")
    yield from (None, b"bytes", 1, ("a",))


class KeyContract(Contract):
    """Keys are opaque: nothing in one is a wildcard, a separator or to be escaped."""

    def test_nothing_is_listed_in_an_empty_storage(self) -> None:
        assert_equal(self.storage.list(), [])
        assert_equal(self.storage.list(""), [])
        assert_equal(self.storage.list("k"), [])

    def test_slashes_make_no_folders(self) -> None:
        self._check_each_is_itself(SLASHES)

    def test_no_character_is_a_wildcard(self) -> None:
        self._check_each_is_itself(WILDCARDS)

    def test_no_character_is_a_quote_or_placeholder(self) -> None:
        self._check_each_is_itself(QUOTES)

    def test_keys_are_not_normalised_trimmed_or_folded(self) -> None:
        self._check_each_is_itself(UNICODE)

    def test_dots_are_ordinary(self) -> None:
        self._check_each_is_itself(DOTS)

    def test_a_key_may_have_512_characters_of_any_width(self) -> None:
        self._check_each_is_itself(
            [character * 511 + end for character in "aé鍵🔑" for end in "xy"]
        )

    def test_a_prefix_ends_anywhere(self) -> None:
        for key in ("foo", "foobar", "foo/bar", "fo", "fop", "xfoo"):
            self.storage.write(key, b"")
        assert_equal(self.storage.list("foo"), ["foo", "foo/bar", "foobar"])
        assert_equal(self.storage.list("foo/"), ["foo/bar"])
        assert_equal(self.storage.list("foob"), ["foobar"])
        assert_equal(self.storage.list("foobarx"), [])
        assert_equal(self.storage.list("f"), ["fo", "foo", "foo/bar", "foobar", "fop"])

    def test_a_prefix_of_the_last_characters_of_unicode(self) -> None:
        keys = ["\ud7ff", "\ud7ff1", "\ue000", "\U0010fffe1", "\U0010ffff", "\U0010ffff\U0010ffff"]
        for key in keys:
            self.storage.write(key, b"")
        for prefix in [*keys, "\ud7ff"]:
            assert_equal(self.storage.list(prefix), [key for key in keys if key.startswith(prefix)])

    def test_a_list_is_sorted_by_code_point(self) -> None:
        # By UTF-16 units, or in any language's order, these come otherwise.
        keys = ["b", "a", "Z", "é", "z", "\uffff", "🔑", "_", "-", "10", "9", "a-b", "ab", "a b"]
        for key in keys:
            self.storage.write(key, b"")
        assert_equal(self.storage.list(), sorted(keys))

    def test_a_thousand_keys_are_listed(self) -> None:
        keys = [f"many:{number:04}" for number in range(1000)]
        for key in reversed(keys):
            self.storage.write(key, b"")
        self.storage.write("nany", b"")
        assert_equal(self.storage.list("many:"), keys)

    def test_what_is_no_key_is_refused_everywhere(self) -> None:
        calls: list[Callable[[Any], object]] = [
            lambda key: self.storage.read(key),
            lambda key: self.storage.write(key, b""),
            lambda key: self.storage.delete(key),
            lambda key: self.storage.watch(key, print),
        ]
        for key in refused_keys():
            for call in calls:
                with assert_raises(InvalidKey, msg=repr(key)) as caught:
                    call(key)
                assert_true(isinstance(caught.exception, ValueError))
            if key != "":
                with assert_raises(InvalidKey, msg=repr(key)):
                    self.storage.list(key)
        assert_equal(self.storage.list(), [])

    def _check_each_is_itself(self, keys: list[str]) -> None:
        for number, key in enumerate(keys):
            self.storage.write(key, b"%d" % number)
        assert_equal(self.storage.list(), sorted(keys))
        for number, key in enumerate(keys):
            assert_equal(self.storage.read(key), b"%d" % number)
            assert_equal(
                self.storage.list(key), sorted(other for other in keys if other.startswith(key))
            )
        removed = keys[::2]
        for key in removed:
            self.storage.delete(key)
        assert_equal(self.storage.list(), sorted(set(keys) - set(removed)))
