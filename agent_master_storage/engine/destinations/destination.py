"""One destination, stored in the fields of the Go engine's targets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from .. import keys
from ..formats import registry
from ..formats.format import Format
from ..json_object import JsonObject, fingerprint
from ..server import Server

DEFAULT_FORMAT = "mcpServers"

FILE = "file"
STORAGE = "storage"

#: from the Go engine's names of formats to ours
_GO_FORMATS = {"flat": "mcpServers", "nested": "vscode-settings", "project-nested": "mcpServers"}

#: what Claude Code does not accept in names, as in the Go engine's sanitizer
_UNSAFE = re.compile(r"[^a-zA-Z0-9_-]+")
_MAX_SAFE_LENGTH = 64


class Destination(JsonObject):
    """A file, or the key ``targets:<name>:config``, that receives the enabled servers."""

    always: ClassVar[frozenset[str]] = frozenset(
        {
            "name",
            "type",
            "enabled",
            "config_path",
            "requires_sanitization",
            "supports_projects",
            "config_format",
        }
    )

    name: str
    #: "file" or "storage"
    type: str = FILE
    enabled: bool = False
    #: the path of the file: absolute, or relative to the home directory with ``~/``
    config_path: str = ""
    #: whether names of servers are changed to match [a-zA-Z0-9_-]{1,64}
    requires_sanitization: bool = False
    #: whether servers of one project are written under ``projects.<path>``, as in ~/.claude.json
    supports_projects: bool = False
    #: the name of a format; see the package ``formats``
    config_format: str = DEFAULT_FORMAT
    #: a regular expression; servers whose name does not match it are left out
    server_name_pattern: str = ""

    @property
    def is_file(self) -> bool:
        return self.type != STORAGE

    @property
    def format_name(self) -> str:
        """The name of the format, where ``config_format`` may be one of the Go engine's names."""
        return _GO_FORMATS.get(self.config_format, self.config_format)

    @property
    def format(self) -> Format:
        """The format.

        Raises:
            InvalidValue: If there is no such format.
        """
        return registry.get(self.format_name)

    @property
    def path(self) -> Path:
        """The path of the file, with ``~`` expanded."""
        return Path(self.config_path).expanduser()

    @property
    def key(self) -> str:
        """The key, if the destination is not a file."""
        return keys.target(self.name)

    @property
    def fingerprint(self) -> str:
        """A text that differs after every change of the destination; see ``if_unchanged``."""
        return fingerprint(self.to_dict())

    def select(self, servers: Iterable[Server], project: str = "") -> dict[str, Server]:
        """Return the servers that the destination receives, by the names that they get there.

        Args:
            servers: All servers.
            project: If the destination supports projects, the project whose servers are
                returned; empty for servers that belong to none.
        """
        selected: dict[str, Server] = {}
        for server in servers:
            if self.supports_projects and _project(server) != project:
                continue
            name = self._unique_name(server.name, selected)
            if server.enabled and server.internal.goes_to(self.name) and self._matches(name):
                selected[name] = server
        return selected

    def _matches(self, name: str) -> bool:
        return not self.server_name_pattern or bool(re.search(self.server_name_pattern, name))

    def _unique_name(self, name: str, taken: dict[str, Server]) -> str:
        if not self.requires_sanitization:
            return name
        safe = base = _UNSAFE.sub("-", name).strip("-_")[:_MAX_SAFE_LENGTH] or "server"
        number = 1
        while safe in taken:
            number += 1
            safe = f"{base[: _MAX_SAFE_LENGTH - len(str(number)) - 1]}-{number}"
        return safe


def _project(server: Server) -> str:
    return server.internal.project_path if server.internal.project_specific else ""
