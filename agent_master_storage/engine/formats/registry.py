"""The formats there are, by name. ``register()`` adds one of a project's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from ...exceptions import InvalidValue
from .. import json_path
from ..exceptions import InvalidDocument
from .clients import Cline, Codex, Gemini, McpServers, Roo, VsCode, VsCodeSettings, Windsurf, Zed
from .engine_document import EngineDocument
from .flat import Flat
from .format import Format
from .spelling import kind, looks_like_one

FLAT = Flat()

#: those of one path from the particular to the general: the first that recognises is taken
_formats: list[Format] = [
    EngineDocument(),
    VsCode(),
    VsCodeSettings(),
    Cline(),
    Windsurf(),
    Gemini(),
    Roo(),
    McpServers(),
    Codex(),
    Zed(),
    FLAT,
]


def all_formats() -> Sequence[Format]:
    """Every format."""
    return tuple(_formats)


def names() -> list[str]:
    """The names of the formats, without those of their clients."""
    return [one.name for one in _formats]


def get(name: str | Format) -> Format:
    """A format by its name or that of a client, in any case; InvalidValue."""
    if isinstance(name, Format):
        return name
    wanted = str(name).casefold()
    for one in _formats:
        if wanted in (one.name.casefold(), *one.clients):
            return one
    raise InvalidValue(f"there is no format {name!r}; there are {', '.join(names())}")


def of_file(path: str | PurePath) -> Format | None:
    """The format of a client whose file it is by its name and folder, or None.

    >>> of_file("/home/me/shop/.vscode/mcp.json"), of_file("servers.json")
    (<Format vscode>, None)
    """
    parts = PurePath(path).parts
    for one in _formats:
        ends = [PurePath(file).parts for file in one.files]
        if any(parts[-len(end) :] == end for end in ends):
            return one
    return None


def register(format: Format) -> None:
    """Add a format, before the others, so that it is asked first; InvalidValue for a taken name."""
    if not format.name or format.name in names():
        raise InvalidValue(f"a format needs a name of its own, not {format.name!r}")
    _formats.insert(0, format)


def unregister(name: str) -> Format:
    """Take a format out again, as a test does that put it in; InvalidValue."""
    found = get(name)
    _formats.remove(found)
    return found


# MERGED FROM agent_master_storage/engine/formats/detecting.py
# Which format a document is of, told by what it holds.
#
# A wrong guess loses somebody's servers, so where a document could be two things, or is none, it
# is refused with what was found.

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
    found = list(dict.fromkeys(f.path for f in all_formats() if _has(document, f.path)))
    if len(found) > 1:
        places = " and at ".join(repr(json_path.join(path)) for path in found)
        raise InvalidDocument(
            f"the document is ambiguous: it has servers at {places}; say its format"
        )
    if found:
        return next(one for one in all_formats() if _fits(one, found[0], document))
    if FLAT.recognises(document):
        return FLAT
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
    servers = FLAT.without_foreign(document)
    like = {name for name, one in servers.items() if looks_like_one(one)}
    if like:
        other = next(name for name in servers if name not in like)
        what = _described(servers[other])
        reason = f"is no server: {what}; others in this document are servers, name by name"
        return InvalidDocument(reason, json_path.join([other]))
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
    found = dict.fromkeys(json_path.join(one.path) for one in all_formats() if one.path)
    return ", ".join(map(repr, found))


def _elsewhere(document: Mapping[str, Any]) -> str:
    place = next(_misplaced(document, (), _DEPTH), None)
    return "" if place is None else f"; there are servers at {json_path.join(place)}"


def _misplaced(node: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[str, ...]]:
    if not isinstance(node, Mapping) or not depth:
        return
    for key, part in node.items():
        if isinstance(part, Mapping) and any(map(looks_like_one, part.values())):
            yield (*path, key)
        yield from _misplaced(part, (*path, key), depth - 1)
