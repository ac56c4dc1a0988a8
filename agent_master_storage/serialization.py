"""The JSON faces of entries, changes and errors: the same over HTTP, sockets and streams.

A value is bytes, JSON has none, so each comes with its ``encoding``: ``utf-8`` (the value is
text), ``base64``, or ``json`` (the value is the JSON document itself).
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NoReturn

from .exceptions import InvalidValue, StorageError
from .types import Change, Entry

try:
    # Indents ten times faster than the json module. Installed with the extra [engine].
    from pydantic_core import to_json
except ModuleNotFoundError:

    def to_json(value: Any, *, indent: int | None = None) -> bytes:  # type: ignore[misc]
        """Return ``value`` as JSON; ValueError if it is nested too deeply or not encodable."""
        try:
            return json.dumps(value, indent=indent, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ValueError(str(error)) from error


ENCODINGS = ("utf-8", "base64", "json")

#: levels of a JSON document: as deep as every encoder can follow, whatever called it
MAX_DEPTH = 200

_NESTING = (dict, list, tuple)


def encode(value: bytes, encoding: str = "") -> tuple[Any, str]:
    """Return the value for JSON and the encoding it has.

    ``encoding`` is a wish: bytes that are no JSON, or no UTF-8, come as the next that fits.
    """
    if encoding == "json":
        try:
            return loads(value), "json"
        except InvalidValue:
            pass
    if encoding != "base64":
        try:
            return value.decode(), "utf-8"
        except UnicodeDecodeError:
            pass
    return base64.b64encode(value).decode("ascii"), "base64"


def decode(value: Any, encoding: str = "utf-8") -> bytes:
    """Return the bytes that ``encode()`` was given; InvalidValue when they are none."""
    if encoding == "json":
        return dumps(value).encode()
    if encoding not in ENCODINGS:
        raise InvalidValue(f"encoding must be one of {', '.join(ENCODINGS)}, not {encoding!r}")
    if not isinstance(value, str):
        raise InvalidValue(f"with encoding {encoding} the value must be a string")
    try:
        return value.encode() if encoding == "utf-8" else base64.b64decode(value, validate=True)
    except UnicodeEncodeError as error:
        raise InvalidValue("the value holds a lone surrogate, which UTF-8 can't encode") from error
    except (binascii.Error, ValueError) as error:
        raise InvalidValue(f"the value is not base64: {error}") from error


def loads(text: bytes | str) -> Any:
    """Parse JSON as the RFC has it: UTF-8, no NaN; InvalidValue with the reason.

    Numbers beyond a double, and more than MAX_DEPTH levels, could not be written again: refused.
    """
    try:
        text = text.decode() if isinstance(text, bytes) else text
        document = json.loads(text, parse_constant=_no, parse_float=_finite)
        if text.count("[") + text.count("{") > MAX_DEPTH:
            _check_depth(document, _laid_out(document))
        return document
    except RecursionError as error:
        raise InvalidValue("not JSON: nested too deep") from error
    except ValueError as error:
        raise InvalidValue(f"not JSON: {error}") from error


def dumps(document: Any) -> str:
    """A stored document as the engine writes it: an indent of two, no escapes."""
    try:
        # The json module knows what JSON can't hold, and indents ten times slower.
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
        text = to_json(document, indent=2)
        _check_depth(document, text)
        return text.decode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValue(f"not a JSON document: {error}") from error


def entry(entry: Entry, encoding: str = "", *, values: bool = True) -> dict[str, Any]:
    """The JSON face of an entry; without ``values``, key and revision alone."""
    if not values:
        return {"key": entry.key, "revision": entry.revision}
    value, encoding = encode(entry.value, encoding)
    return {
        "key": entry.key,
        "value": value,
        "encoding": encoding,
        "revision": entry.revision,
        "created_revision": entry.created_revision,
        "updated_at": time(entry.updated_at),
        "actor": entry.actor,
    }


def change(change: Change, encoding: str = "") -> dict[str, Any]:
    """The JSON face of a change; a delete has neither value nor encoding but null."""
    value, encoding_used = (None, None) if change.value is None else encode(change.value, encoding)
    return {
        "type": change.type,
        "key": change.key,
        "value": value,
        "encoding": encoding_used,
        "revision": change.revision,
        "previous_revision": change.previous_revision,
        "at": time(change.at),
        "actor": change.actor,
    }


def error(error: StorageError) -> dict[str, Any]:
    """``{"detail", "code"}`` and what the error knows: oldest, current, index."""
    body: dict[str, Any] = {"detail": str(error), "code": error.code}
    for name in ("oldest", "current", "index"):
        if getattr(error, name, None) is not None:
            body[name] = getattr(error, name)
    return body


def time(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _no(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _finite(number: str) -> float:
    """Python reads 1e400 as infinity, which no JSON can hold."""
    found = float(number)
    if math.isinf(found):
        raise ValueError(f"the number {number[:40]} is too large")
    return found


def _laid_out(document: Any) -> bytes | None:
    """The document with an indent of two; None for half a character, which has no UTF-8."""
    try:
        return to_json(document, indent=2)
    except ValueError:
        return None


def _check_depth(document: Any, text: bytes | None) -> None:
    """ValueError for more than MAX_DEPTH levels; ``text`` is the document, laid out."""
    # No string holds a line break: so far in are levels alone. Quicker than to walk.
    if text is not None and b"\n" + b"  " * MAX_DEPTH not in text:
        return
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [part for node in level for part in _parts(node) if isinstance(part, _NESTING)]
        if not level:
            return
    raise ValueError(f"nested deeper than {MAX_DEPTH} levels")


def _parts(node: Any) -> Iterable[Any]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, _NESTING) else ()
