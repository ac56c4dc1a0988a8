"""JSON as text. Parsing and writing it anew would change numbers, escapes and double keys;
here every token stays as it was written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .. import serialization as wire
from ..exceptions import InvalidValue

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
#: JavaScript moves such keys to the front of an object
_INDEX = re.compile(r"0|[1-9][0-9]*")
_EXACT = 2**53
_MAX_INDENT = 40


def pretty(text: str) -> str:
    """A JSON document laid out in lines, with an indent of two; tokens as they were."""
    return "".join(_laid_out(text))


def _laid_out(text: str) -> Iterator[str]:
    depth, before = 0, ""
    for token in _TOKEN.findall(text):
        closing = token in "]}"
        depth -= closing
        if before in ("[", "{"):
            yield "" if closing else _line(depth)
        elif closing or before == ",":
            yield _line(depth)
        depth += token in "[{"
        yield ": " if token == ":" else token
        before = token


def _line(depth: int) -> str:
    # Deeper ones stand in one column, or a thousand levels would fill megabytes.
    return "\n" + "  " * min(depth, _MAX_INDENT)


def same(one: str, other: str) -> bool:
    """Whether two JSON documents differ in nothing but white space and escapes."""
    return _tokens(one) == _tokens(other)


def _tokens(text: str) -> list[str]:
    return ['"' + json.loads(t) if t[0] == '"' else t for t in _TOKEN.findall(text)]


def survives_javascript(text: str) -> bool:
    """Whether an editor that parses the document would write the same one again.

    JavaScript has no ints beyond 2**53, writes 1.0 as 1, keeps the last of two equal keys
    and sorts keys that look like an index.
    """
    try:
        json.loads(
            text, parse_int=_check_int, parse_float=_check_float, object_pairs_hook=_check_keys
        )
        wire.loads(text)
    except (_Harmed, InvalidValue, ValueError, RecursionError):
        return False
    return True


class _Harmed(Exception):
    """JavaScript would change it."""


def _check_int(literal: str) -> None:
    if len(literal) > 17 or abs(int(literal)) >= _EXACT or literal == "-0":
        raise _Harmed(literal)


def _check_float(literal: str) -> None:
    if repr(float(literal)) != literal or literal.endswith(".0") or "e" in literal:
        raise _Harmed(literal)


def _check_keys(pairs: list[tuple[str, Any]]) -> None:
    keys = {key for key, _ in pairs}
    if len(keys) < len(pairs) or "__proto__" in keys:
        raise _Harmed("keys")
    if len(keys) > 1 and any(map(_INDEX.fullmatch, keys)):
        raise _Harmed("order")
