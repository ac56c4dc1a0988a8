"""A change of a client's file that leaves the rest of its text as it is, comments too.

What was patched is parsed again: where it does not say what it should, the caller writes the
whole document anew, which loses comments and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from . import formats
from .formats.base import look
from .formats.syntax.jsontext import without_comments

_SPACE = re.compile(r"[ \t\r\n]*")
_INDENT = re.compile(r"^([ \t]+)\S", re.MULTILINE)
_decoder = json.JSONDecoder()


def patch(text: str, document: Any, paths: Iterable[Sequence[str]], syntax: str) -> str | None:
    """``text`` with what ``document`` has at ``paths``; None where that can't be done."""
    patchers = {"json": _json, "toml": _toml}
    if syntax not in patchers:
        return None
    try:
        for path in filter(None, paths):
            value = look(document, path)
            if value is not None:
                text = patchers[syntax](text, path, value)
        return text if formats.loads(text, syntax, own=True) == document else None
    except (ValueError, LookupError, TypeError, AttributeError, TOMLKitError):
        # Not the shape that it must have, somewhere on the way.
        return None


def _toml(text: str, path: Sequence[str], value: Any) -> str:
    """tomlkit keeps the comments of what is not touched, so only what differs is."""
    document = tomlkit.parse(text)
    table: Any = document
    for key in path[:-1]:
        table = table.setdefault(key, tomlkit.table())
    _toml_set(table, path[-1], value)
    return tomlkit.dumps(document)


def _toml_set(table: Any, key: str, value: Any) -> None:
    found = table.get(key)
    if not isinstance(found, dict) or not isinstance(value, dict):
        if found is None or found != value:
            table[key] = value
        return
    for gone in [name for name in found if name not in value]:
        del found[gone]
    for name, part in value.items():
        _toml_set(found, name, part)


def _json(text: str, path: Sequence[str], value: Any) -> str:
    """Set one value: what differs in an object is replaced, what is new put at its end."""
    plain = without_comments(text)
    start = _space(plain, 0)
    for depth, key in enumerate(path):
        members = list(_members(plain, start))
        found = [place for name, place, _ in members if name == key]
        if not found:
            rest = value
            for name in reversed(path[depth + 1 :]):
                rest = {name: rest}
            return _inserted(text, start, members, depth, key, rest)
        start = found[0]
    before, end = _decoder.raw_decode(plain, start)
    if isinstance(before, dict) and isinstance(value, dict) and not set(before) - set(value):
        for key in [key for key in value if key not in before or before[key] != value[key]]:
            text = _json(text, (*path, key), value[key])
        return text
    return text[:start] + _dumped(text, value, len(path)) + text[end:]


def _members(plain: str, start: int) -> Iterator[tuple[str, int, int]]:
    """The keys of the object at ``start``, and where the value of each begins and ends."""
    place = _space(plain, _after(plain, start, "{"))
    while plain[place] != "}":
        name, place = _decoder.raw_decode(plain, place)
        begin = _space(plain, _after(plain, _space(plain, place), ":"))
        _, end = _decoder.raw_decode(plain, begin)
        yield name, begin, end
        place = _space(plain, end)
        if plain[place] == ",":
            place = _space(plain, place + 1)


def _inserted(
    text: str,
    start: int,
    members: Sequence[tuple[str, int, int]],
    depth: int,
    key: str,
    value: Any,
) -> str:
    indent = _indent(text)
    member = f"\n{indent * (depth + 1)}{json.dumps(key)}: {_dumped(text, value, depth + 1)}"
    if members:
        # Where a comma comes after it already, that is allowed to stand at the end.
        end = members[-1][2]
        return f"{text[:end]},{member}{text[end:]}"
    return f"{text[: start + 1]}{member}\n{indent * depth}{text[start + 1 :].lstrip()}"


def _dumped(text: str, value: Any, depth: int) -> str:
    indent = _indent(text)
    dumped = json.dumps(value, indent=indent, ensure_ascii=False)
    return dumped.replace("\n", f"\n{indent * depth}")


def _indent(text: str) -> str:
    """What the file indents by, as its first indented line shows."""
    found = _INDENT.search(text)
    return found[1] if found else "  "


def _space(plain: str, place: int) -> int:
    found = _SPACE.match(plain, place)
    return found.end() if found else place


def _after(plain: str, place: int, expected: str) -> int:
    if plain[place] != expected:
        raise ValueError(f"no {expected} at {place}")
    return place + 1
