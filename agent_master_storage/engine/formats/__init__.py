"""Configuration files of MCP clients: read into servers, and written from them.

::

    found = formats.parse(text)                 # the format is told by what is in it
    found.format.name, found.servers, found.inputs, found.warnings
    document = formats.render(found.servers, "vscode", inputs=found.inputs, base=document)
    text = formats.dumps(document, "json")

``base``         Format: one kind of document; Imported: what one held
``servers``      one server, between a client's words and those of the stored document
``detecting``    which format a document is of, or why it is none
``registry``     the formats by name
``syntax``       JSON, YAML and TOML
``limits``       how large a document may be
``mcp_servers``, ``vscode``, ``flat``, ``own``, ``others``: the formats
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from ..json_path import get_at
from . import limits, registry
from .format import Format, Imported
from .registry import all_formats, detect, get, names, of_file, register, unregister
from .syntax import SYNTAXES, dumps, loads

__all__ = [
    "SYNTAXES",
    "Format",
    "Imported",
    "all_formats",
    "detect",
    "dumps",
    "get",
    "loads",
    "names",
    "of_file",
    "parse",
    "register",
    "render",
    "unregister",
]


def parse(
    data: str | bytes | Mapping[str, Any],
    format: str | Format | None = None,
    syntax: str | None = None,
    path: str | PurePath = "",
) -> Imported:
    """Read a client's configuration: a text, or a document that was parsed already.

    Without a ``format`` it is told by what the document holds, or as of_file() does by the
    ``path`` that it came from; without a ``syntax`` ("json", "yaml", "toml") by the text's first
    line. InvalidDocument for what is none, with the place.
    """
    if isinstance(data, Mapping):
        limits.check_tree(data)
        document: Any = data
    else:
        document = loads(data, syntax)
    wanted = get(format) if format is not None else _told(document, path)
    return wanted.parse(document)


def _told(document: Any, path: str | PurePath) -> Format:
    named = of_file(path)
    # A file of the name may hold something else, which its content tells.
    if named is not None and isinstance(get_at(document, named.path), Mapping):
        return named
    return detect(document)


def render(
    servers: Mapping[str, Mapping[str, Any]],
    format: str | Format,
    *,
    inputs: Iterable[Mapping[str, Any]] = (),
    base: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The servers, in the words of the stored document, as a document of another format.

    ``base`` is the document that stands there: what is not about these servers is kept, and a
    server that means the same as before stays as it was spelled. InvalidDocument when ``base``
    has something else where the servers belong.
    """
    return registry.get(format).render(servers, inputs=inputs, base=base)
