"""JSON, and JSON with comments and trailing commas, as VS Code writes it.

No library is used for the latter. The existing ones ignore duplicate keys (pyjson5), take seconds
for a large file (json5), or report line numbers of the text without comments (json-with-comments).
Here, comments are replaced by spaces, so Python's own parser sees every character at its position.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from .... import serialization
from ... import json_path
from ...exceptions import InvalidDocument

# An unclosed string or comment matches up to the end. Trying again from each of its characters
# would take hours for a large text.
_STRING = r'"(?:[^"\\\n]|\\.)*"?'
_COMMENT = re.compile(rf"{_STRING}|//[^\r\n]*|/\*(?s:.*?)(?:\*/|\Z)")
#: the second alternative has no value before the comma, so the comma is kept and is an error
_TRAILING_COMMA = re.compile(rf"{_STRING}|[\[{{,]\s*,|,(?=\s*[\]}}])")
_NOT_A_LINE_END = re.compile(r"[^\r\n]")


class _DuplicateKeys(dict[str, Any]):
    """An object with a duplicate key."""

    key = ""


def loads(text: str) -> Any:
    """Parse a text.

    Raises:
        InvalidDocument: With line and column.
    """
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
    """Write as the engine and the clients do: indented by two spaces, without escapes."""
    return serialization.dumps(document)


def without_comments(text: str) -> str:
    """Return the text as plain JSON, with every token at its position."""
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
        _refuse_duplicates(document, "")
    except RecursionError:
        raise InvalidDocument("not JSON: nested too deeply") from None
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        found = _DuplicateKeys(found)
        found.key = Counter(key for key, _ in pairs).most_common(1)[0][0]
    return found


def _refuse_duplicates(node: Any, where: str) -> None:
    if isinstance(node, _DuplicateKeys):
        raise InvalidDocument(f"duplicate key {node.key!r}", where)
    if isinstance(node, dict):
        for key, part in node.items():
            _refuse_duplicates(part, json_path.under(where, key))
    elif isinstance(node, list):
        for index, part in enumerate(node):
            _refuse_duplicates(part, json_path.under(where, index))


def _refusal(error: ValueError) -> InvalidDocument:
    if isinstance(error, InvalidDocument):
        return error
    if isinstance(error, json.JSONDecodeError):
        where = f"line {error.lineno}, column {error.colno}"
        return InvalidDocument(f"not JSON: {error.msg}", where)
    return InvalidDocument(f"not JSON: {error}")
