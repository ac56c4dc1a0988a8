"""JSON, and JSON with comments and trailing commas, as VS Code writes it.

No library for the latter: those at hand drop one of two equal keys (pyjson5), need seconds for
a large file (json5), or count lines in a text without its comments (json-with-comments). Here
comments become spaces, so that Python's own parser sees every character where it was.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from .... import serialization
from ... import json_path
from ...exceptions import InvalidDocument

# What is not closed is taken to its end all the same: to begin anew at each of its characters
# would take hours for a large one.
_STRING = r'"(?:[^"\\\n]|\\.)*"?'
_COMMENT = re.compile(rf"{_STRING}|//[^\r\n]*|/\*(?s:.*?)(?:\*/|\Z)")
#: the second kind has nothing before the comma, so it stays and is a fault
_TRAILING_COMMA = re.compile(rf"{_STRING}|[\[{{,]\s*,|,(?=\s*[\]}}])")
_NOT_A_LINE_END = re.compile(r"[^\r\n]")


class _Double(dict[str, Any]):
    """An object in which a key stands twice."""

    key = ""


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
    return serialization.dumps(document)


def without_comments(text: str) -> str:
    """The same text as plain JSON, every token where it was."""
    text = _COMMENT.sub(_blank, text)
    return _TRAILING_COMMA.sub(lambda found: " " if found[0] == "," else found[0], text)


def _blank(found: re.Match[str]) -> str:
    text = found[0]
    if text[0] == '"' or (text[1] == "*" and not text.endswith("*/", 2)):
        return text
    return _NOT_A_LINE_END.sub(" ", text)


def _parse(text: str) -> Any:
    try:
        document = json.loads(text, object_pairs_hook=_object)
        _refuse_doubles(document, "")
    except RecursionError:
        raise InvalidDocument("not JSON: nested too deep") from None
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        found = _Double(found)
        found.key = Counter(key for key, _ in pairs).most_common(1)[0][0]
    return found


def _refuse_doubles(node: Any, where: str) -> None:
    if isinstance(node, _Double):
        raise InvalidDocument(f"the key {node.key!r} stands twice", where)
    if isinstance(node, dict):
        for key, part in node.items():
            _refuse_doubles(part, json_path.under(where, key))
    elif isinstance(node, list):
        for index, part in enumerate(node):
            _refuse_doubles(part, json_path.under(where, index))


def _refusal(error: ValueError) -> InvalidDocument:
    if isinstance(error, InvalidDocument):
        return error
    if isinstance(error, json.JSONDecodeError):
        where = f"line {error.lineno}, column {error.colno}"
        return InvalidDocument(f"not JSON: {error.msg}", where)
    return InvalidDocument(f"not JSON: {error}")
