"""The formats there are, by name. ``register()`` adds one of a project's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from ...exceptions import InvalidValue
from .base import Format
from .flat import Flat
from .mcp_servers import Cline, Gemini, McpServers, Roo, Windsurf
from .others import Codex, Zed
from .own import Own
from .vscode import VsCode, VsCodeSettings

FLAT = Flat()

#: those of one path from the particular to the general: the first that recognises is taken
_formats: list[Format] = [
    Own(),
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
