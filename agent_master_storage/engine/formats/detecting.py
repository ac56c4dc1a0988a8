"""Which format a document is of, told by what it holds.

A wrong guess loses somebody's servers, so where a document could be two things, or is none, it
is refused with what was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .. import paths
from ..exceptions import InvalidDocument
from . import registry
from .base import Format
from .servers import looks_like_one
from .values import kind

#: keys named in a message
_SHOWN = 5
#: levels below the top at which misplaced servers are looked for
_DEPTH = 4


def detect(document: Any) -> Format:
    """The format of a parsed document; InvalidDocument says what was found and where."""
    if not isinstance(document, Mapping):
        raise InvalidDocument(
            f"the document must be an object with MCP servers, not {kind(document)}"
        )
    found = list(dict.fromkeys(f.path for f in registry.all_formats() if _has(document, f.path)))
    if len(found) > 1:
        places = " and at ".join(repr(paths.join(path)) for path in found)
        raise InvalidDocument(
            f"the document is ambiguous: it has servers at {places}; say its format"
        )
    if found:
        return next(one for one in registry.all_formats() if _fits(one, found[0], document))
    if registry.FLAT.recognises(document):
        return registry.FLAT
    raise _refusal(document)


def _has(document: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    """Whether the path leads anywhere. A server may have any name, also that of a path."""
    for key in path:
        if not isinstance(document, Mapping) or key not in document or looks_like_one(document):
            return False
        document = document[key]
    return bool(path) and not looks_like_one(document)


def _fits(format: Format, path: tuple[str, ...], document: Mapping[str, Any]) -> bool:
    return format.path == path and format.recognises(document)


def _refusal(document: Mapping[str, Any]) -> InvalidDocument:
    servers = registry.FLAT.without_foreign(document)
    like = {name for name, one in servers.items() if looks_like_one(one)}
    if like:
        other = next(name for name in servers if name not in like)
        what = _described(servers[other])
        reason = f"is no server: {what}; others in this document are servers, name by name"
        return InvalidDocument(reason, paths.join([other]))
    return InvalidDocument(
        f"the document is of no known format: {_what(document)}{_elsewhere(document)}"
    )


def _described(value: Any) -> str:
    if isinstance(value, Mapping):
        return "an object without 'command' and 'url'"
    return kind(value)


def _what(document: Mapping[str, Any]) -> str:
    if not document:
        return "an empty object"
    keys = [repr(key[:40]) for key in document][:_SHOWN]
    more = f" and {len(document) - _SHOWN} more" if len(document) > _SHOWN else ""
    return f"an object with {', '.join(keys)}{more}, where one of {_expected()} should be"


def _expected() -> str:
    found = dict.fromkeys(paths.join(one.path) for one in registry.all_formats() if one.path)
    return ", ".join(map(repr, found))


def _elsewhere(document: Mapping[str, Any]) -> str:
    place = next(_misplaced(document, (), _DEPTH), None)
    return "" if place is None else f"; there are servers at {paths.join(place)}"


def _misplaced(node: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[str, ...]]:
    if not isinstance(node, Mapping) or not depth:
        return
    for key, part in node.items():
        if isinstance(part, Mapping) and any(map(looks_like_one, part.values())):
            yield (*path, key)
        yield from _misplaced(part, (*path, key), depth - 1)
