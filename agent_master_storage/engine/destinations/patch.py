"""Changes to the text of a client's file that keep everything else, including comments.

The patched text is parsed again. If it does not contain what it should, the caller writes the
whole document instead, which loses comments but nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from .. import formats
from ..formats.syntax.json_syntax import without_comments
from ..json_path import get_at

_SPACE = re.compile(r"[ \t\r\n]*")
_INDENT = re.compile(r"^([ \t]+)\S", re.MULTILINE)
_decoder = json.JSONDecoder()


def patch(text: str, document: Any, paths: Iterable[Sequence[str]], syntax: str) -> str | None:
    """Return ``text`` with the values that ``document`` has at ``paths``.

    Returns:
        The new text, or None if it cannot be patched.
    """
    patchers = {"json": _patch_json, "toml": _patch_toml}
    if syntax not in patchers:
        return None
    try:
        for path in filter(None, paths):
            value = get_at(document, path)
            if value is not None:
                text = patchers[syntax](text, path, value)
        return text if formats.loads(text, syntax, own=True) == document else None
    except (ValueError, LookupError, TypeError, AttributeError, TOMLKitError):
        # Something on the path does not have the expected shape.
        return None


def _patch_toml(text: str, path: Sequence[str], value: Any) -> str:
    # tomlkit keeps the comments of what is not touched, so only what differs is set.
    document = tomlkit.parse(text)
    table: Any = document
    for key in path[:-1]:
        table = table.setdefault(key, tomlkit.table())
    _set_in_table(table, path[-1], value)
    return tomlkit.dumps(document)


def _set_in_table(table: Any, key: str, value: Any) -> None:
    found = table.get(key)
    if not isinstance(found, dict) or not isinstance(value, dict):
        if found is None or found != value:
            table[key] = value
        return
    for removed in [name for name in found if name not in value]:
        del found[removed]
    for name, part in value.items():
        _set_in_table(found, name, part)


def _patch_json(text: str, path: Sequence[str], value: Any) -> str:
    """Set one value. In objects, only members that differ are replaced; new ones are appended."""
    plain = without_comments(text)
    start = _skip_space(plain, 0)
    for depth, key in enumerate(path):
        members = list(_members(plain, start))
        found = [position for name, position, _ in members if name == key]
        if not found:
            rest = value
            for name in reversed(path[depth + 1 :]):
                rest = {name: rest}
            return _inserted(text, start, members, depth, key, rest)
        start = found[0]
    before, end = _decoder.raw_decode(plain, start)
    if isinstance(before, dict) and isinstance(value, dict) and not set(before) - set(value):
        for key in [key for key in value if key not in before or before[key] != value[key]]:
            text = _patch_json(text, (*path, key), value[key])
        return text
    return text[:start] + _dumped(text, value, len(path)) + text[end:]


def _members(plain: str, start: int) -> Iterator[tuple[str, int, int]]:
    """Yield the keys of the object at ``start``, with the start and end of each value."""
    position = _skip_space(plain, _after(plain, start, "{"))
    while plain[position] != "}":
        name, position = _decoder.raw_decode(plain, position)
        begin = _skip_space(plain, _after(plain, _skip_space(plain, position), ":"))
        _, end = _decoder.raw_decode(plain, begin)
        yield name, begin, end
        position = _skip_space(plain, end)
        if plain[position] == ",":
            position = _skip_space(plain, position + 1)


def _inserted(
    text: str,
    start: int,
    members: Sequence[tuple[str, int, int]],
    depth: int,
    key: str,
    value: Any,
) -> str:
    """Return the text with a new member at the end of the object at ``start``."""
    indent = _indent(text)
    member = f"\n{indent * (depth + 1)}{json.dumps(key)}: {_dumped(text, value, depth + 1)}"
    if members:
        # If a trailing comma follows, it remains after the new member, where it is allowed too.
        end = members[-1][2]
        return f"{text[:end]},{member}{text[end:]}"
    return f"{text[: start + 1]}{member}\n{indent * depth}{text[start + 1 :].lstrip()}"


def _dumped(text: str, value: Any, depth: int) -> str:
    indent = _indent(text)
    dumped = json.dumps(value, indent=indent, ensure_ascii=False)
    return dumped.replace("\n", f"\n{indent * depth}")


def _indent(text: str) -> str:
    """Return the indentation of the first indented line."""
    found = _INDENT.search(text)
    return found[1] if found else "  "


def _skip_space(plain: str, position: int) -> int:
    found = _SPACE.match(plain, position)
    return found.end() if found else position


def _after(plain: str, position: int, expected: str) -> int:
    if plain[position] != expected:
        raise ValueError(f"expected {expected} at {position}")
    return position + 1
