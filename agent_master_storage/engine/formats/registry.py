"""The formats by name, and detection of the format of a document.

``register()`` adds a format. A wrong guess in detection could lose servers, so a document that is
ambiguous or of no known format is refused, with a description of what was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from ...exceptions import InvalidValue
from .. import json_path
from ..exceptions import InvalidDocument
from .clients import (
    Cline,
    Codex,
    Flat,
    Gemini,
    McpServers,
    Roo,
    VsCode,
    VsCodeSettings,
    Windsurf,
    Zed,
)
from .engine_document import EngineDocument
from .format import Format
from .server_keys import kind, looks_like_server

FLAT = Flat()

#: how many keys a message names
_SHOWN = 5
#: how many levels below the top are searched for misplaced servers
_DEPTH = 4

#: formats with the same path are ordered from specific to general: the first match is used
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
    """Return all formats."""
    return tuple(_formats)


def names() -> list[str]:
    """Return the names of the formats, without those of their clients."""
    return [one.name for one in _formats]


def get(name: str | Format) -> Format:
    """Return a format by its name or that of a client, ignoring case.

    Raises:
        InvalidValue: If there is no such format.
    """
    if isinstance(name, Format):
        return name
    wanted = str(name).casefold()
    for one in _formats:
        if wanted in (one.name.casefold(), *one.clients):
            return one
    raise InvalidValue(f"there is no format {name!r}; the formats are {', '.join(names())}")


def of_file(path: str | PurePath) -> Format | None:
    """Return the format of the client that has such a file, or None.

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
    """Add a format before the others, so that it is tried first in detection.

    Raises:
        InvalidValue: If it has no name, or that of another format.
    """
    if not format.name or format.name in names():
        raise InvalidValue(f"a format needs a unique name, not {format.name!r}")
    _formats.insert(0, format)


def unregister(name: str) -> Format:
    """Remove a format, for example at the end of a test that registered it.

    Raises:
        InvalidValue: If there is no such format.
    """
    found = get(name)
    _formats.remove(found)
    return found


def detect(document: Any) -> Format:
    """Return the format of a parsed document.

    Raises:
        InvalidDocument: With what was found and where.
    """
    if not isinstance(document, Mapping):
        raise InvalidDocument(
            f"the document must be an object with MCP servers, not {kind(document)}"
        )
    found = list(dict.fromkeys(f.path for f in all_formats() if _has(document, f.path)))
    if len(found) > 1:
        paths = " and at ".join(repr(json_path.join(path)) for path in found)
        raise InvalidDocument(
            f"the document is ambiguous: it has servers at {paths}; specify its format"
        )
    if found:
        return next(one for one in all_formats() if _fits(one, found[0], document))
    if FLAT.recognises(document):
        return FLAT
    raise _refusal(document)


def _has(document: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    """Return whether there is a value at ``path`` that is not a server with that name."""
    for key in path:
        if not isinstance(document, Mapping) or key not in document or looks_like_server(document):
            return False
        document = document[key]
    return bool(path) and not looks_like_server(document)


def _fits(format: Format, path: tuple[str, ...], document: Mapping[str, Any]) -> bool:
    return format.path == path and format.recognises(document)


def _refusal(document: Mapping[str, Any]) -> InvalidDocument:
    servers = FLAT.without_foreign(document)
    like = {name for name, one in servers.items() if looks_like_server(one)}
    if like:
        other = next(name for name in servers if name not in like)
        what = _described(servers[other])
        reason = f"is not a server but {what}, while other keys of this document are servers"
        return InvalidDocument(reason, json_path.join([other]))
    return InvalidDocument(
        f"the format of the document is unknown: {_what(document)}{_elsewhere(document)}"
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
    return f"an object with {', '.join(keys)}{more}, but with none of {_expected()}"


def _expected() -> str:
    found = dict.fromkeys(json_path.join(one.path) for one in all_formats() if one.path)
    return ", ".join(map(repr, found))


def _elsewhere(document: Mapping[str, Any]) -> str:
    path = next(_misplaced(document, (), _DEPTH), None)
    return "" if path is None else f"; there are servers at {json_path.join(path)}"


def _misplaced(node: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[str, ...]]:
    if not isinstance(node, Mapping) or not depth:
        return
    for key, part in node.items():
        if isinstance(part, Mapping) and any(map(looks_like_server, part.values())):
            yield (*path, key)
        yield from _misplaced(part, (*path, key), depth - 1)
