"""JSON, and JSON with comments and trailing commas, as VS Code writes it.

No library for the latter: those at hand drop one of two equal keys (pyjson5), need seconds for
a large file (json5), or count lines in a text without its comments (json-with-comments). Here
comments become spaces, so that Python's own parser sees every character where it was.
"""

from __future__ import annotations

import json
import re
from typing import Any

from .... import wire
from ...exceptions import InvalidDocument

_STRING = r'"(?:[^"\\\n]|\\.)*"'
_COMMENT = re.compile(rf"{_STRING}|//[^\r\n]*|/\*(?s:.*?)\*/")
#: the second kind has nothing before the comma, so it stays and is a fault
_TRAILING_COMMA = re.compile(rf"{_STRING}|[\[{{,]\s*,|,(?=\s*[\]}}])")
_NOT_A_LINE_END = re.compile(r"[^\r\n]")


def loads(text: str) -> Any:
    """Parse; InvalidDocument with line and column."""
    try:
        return _parse(text)
    except ValueError as error:
        plain = without_comments(text)
        if plain == text:
            raise _refusal(error) from None
    try:
        return _parse(plain)
    except ValueError as error:
        raise _refusal(error) from None


def dumps(document: Any) -> str:
    """As the engine and its clients write it: an indent of two, no escapes."""
    return wire.dumps(document)


def without_comments(text: str) -> str:
    """The same text as plain JSON, every token where it was."""
    text = _COMMENT.sub(_blank, text)
    return _TRAILING_COMMA.sub(lambda found: " " if found[0] == "," else found[0], text)


def _blank(found: re.Match[str]) -> str:
    return found[0] if found[0][0] == '"' else _NOT_A_LINE_END.sub(" ", found[0])


def _parse(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise InvalidDocument("not JSON: nested too deep") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        double = next(key for index, key in enumerate(keys) if key in keys[:index])
        raise InvalidDocument(f"the key {double!r} stands twice in one object")
    return found


def _refusal(error: ValueError) -> InvalidDocument:
    if isinstance(error, InvalidDocument):
        return error
    if isinstance(error, json.JSONDecodeError):
        where = f"line {error.lineno}, column {error.colno}"
        return InvalidDocument(f"not JSON: {error.msg}", where)
    return InvalidDocument(f"not JSON: {error}")
