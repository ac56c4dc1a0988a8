"""Configuration files of MCP clients: parsed into servers, and rendered from them.

::

    imported = formats.parse(text)              # the format is detected from the content
    imported.format.name, imported.servers, imported.inputs, imported.warnings
    document = formats.render(imported.servers, "vscode", inputs=imported.inputs, base=document)
    text = formats.dumps(document, "json")

``format``           ``Format``: one kind of document; ``Imported``: the content of one
``server_keys``      converts one server between a client's keys and those of the stored document
``clients``          the formats of the clients; ``engine_document`` is the engine's own
``registry``         the formats by name, and detection
``syntax``           JSON, YAML and TOML
``limits``           the maximum size of a document
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
    """Parse the configuration of a client.

    Args:
        data: A text, or a parsed document.
        format: The format; by default it is detected from the content, or from ``path`` as
            of_file() does.
        syntax: ``json``, ``yaml`` or ``toml``; by default it is detected from the first line.
        path: The file that the data is from.

    Raises:
        InvalidDocument: If it is not a configuration, with the path of the fault.
    """
    if isinstance(data, Mapping):
        limits.check_tree(data)
        document: Any = data
    else:
        document = loads(data, syntax)
    wanted = get(format) if format is not None else _detected(document, path)
    return wanted.parse(document)


def _detected(document: Any, path: str | PurePath) -> Format:
    named = of_file(path)
    # The file may contain another format than its name suggests; then the content decides.
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
    """Return servers of the stored document as a document of another format.

    Args:
        servers: The servers by name.
        format: The format.
        inputs: Definitions of inputs.
        base: The present document. Everything except these servers is kept, and a server with
            the same meaning keeps its spelling.

    Raises:
        InvalidDocument: If ``base`` contains something else where the servers belong.
    """
    return registry.get(format).render(servers, inputs=inputs, base=base)
