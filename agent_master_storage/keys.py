"""Keys, prefixes and values: what is one, and which range of keys a prefix covers.

A key is a str of 1 to 512 characters that can be encoded as UTF-8 and holds no control
character (category Cc). It is never normalised or trimmed: ``"a"``, ``"a "`` and ``"A"`` are
three keys. Keys sort by code point, which is also the order of their UTF-8 bytes.
"""

from __future__ import annotations

import re

from .exceptions import InvalidKey, InvalidValue, ValueTooLarge

MAX_KEY_LENGTH = 512
#: a larger limit is as good as none, and more than a database takes
MAX_LIMIT = 2**31 - 1

#: lone surrogates are the only str that UTF-8 cannot encode; the rest is category Cc
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_is_plain = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,512}").fullmatch
_LAST = "\U0010ffff"


def check_key(key: str) -> str:
    """Return ``key``, or raise InvalidKey with the reason."""
    # One match decides for the good ones: this is on the path of every read.
    if isinstance(key, str) and _is_plain(key):
        return key
    raise InvalidKey(_fault(key, "key"))


def check_prefix(prefix: str, name: str = "prefix") -> str:
    """Return ``prefix``: like a key, but it may be empty. ``name`` is what an error calls it."""
    if isinstance(prefix, str) and (not prefix or _is_plain(prefix)):
        return prefix
    raise InvalidKey(_fault(prefix, name))


def check_value(data: bytes, max_size: int) -> bytes:
    """Return ``data`` as bytes, or raise InvalidValue. ``max_size`` is in bytes."""
    if not isinstance(data, bytes):
        if not isinstance(data, bytearray | memoryview):
            raise InvalidValue(f"a value must be bytes, not {type(data).__name__}")
        data = bytes(data)
    if len(data) > max_size:
        raise ValueTooLarge(f"the value has {len(data)} bytes, more than the {max_size} allowed")
    return data


def check_revision(revision: int, name: str = "revision") -> int:
    """Return ``revision``: an int from 0 to 2**63 - 1 (a column's width)."""
    if isinstance(revision, int) and not isinstance(revision, bool) and 0 <= revision < 2**63:
        return revision
    raise InvalidValue(f"{name} must be a whole number from 0 to 2**63 - 1, not {revision!r}")


def check_limit(limit: int | None) -> int | None:
    """Return ``limit``: an int from 1, None for no limit; more than MAX_LIMIT is MAX_LIMIT."""
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise InvalidValue(f"limit must be a whole number from 1, not {limit!r}")
    return min(limit, MAX_LIMIT)


def prefix_range(prefix: str) -> tuple[str, str | None]:
    """The range of keys that begin with ``prefix``: from (included), to (excluded).

    ``to`` is None when nothing sorts behind it.

    >>> prefix_range("targets:")
    ('targets:', 'targets;')
    """
    head = prefix.rstrip(_LAST)
    if not head:
        return prefix, None
    following = ord(head[-1]) + 1
    # Surrogates are no characters: the one after U+D7FF is U+E000.
    following = 0xE000 if following == 0xD800 else following
    return prefix, head[:-1] + chr(following)


def _fault(key: object, what: str) -> str:
    if not isinstance(key, str):
        return f"a {what} must be a str, not {type(key).__name__}"
    if not key:
        return f"a {what} must not be empty"
    if len(key) > MAX_KEY_LENGTH:
        return f"the {what} has {len(key)} characters, more than the {MAX_KEY_LENGTH} allowed"
    bad = _FORBIDDEN.search(key)
    assert bad is not None
    kind = "a lone surrogate" if "\ud800" <= bad[0] <= "\udfff" else "a control character"
    return f"the {what} holds {kind}, U+{ord(bad[0]):04X}, at position {bad.start()}"
