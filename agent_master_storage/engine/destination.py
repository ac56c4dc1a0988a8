"""One place where servers go to, in the fields of the Go engine's targets alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from . import keys
from .formats import registry
from .formats.base import Format
from .types import Server, View, fingerprint

DEFAULT_FORMAT = "mcpServers"

FILE = "file"
STORAGE = "storage"

#: what the Go engine calls the format of its targets
_GO_FORMATS = {"flat": "mcpServers", "nested": "vscode-settings", "project-nested": "mcpServers"}

#: what Claude Code takes, as the Go engine's sanitizer leaves it
_UNFIT = re.compile(r"[^a-zA-Z0-9_-]+")
_MAX_FIT = 64


class Destination(View):
    """A file, or the key ``targets:<name>:config``, that gets the enabled servers."""

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
    #: of a file: absolute, or from the home folder with ``~``
    config_path: str = ""
    #: whether names of servers are made to fit [a-zA-Z0-9_-]{1,64}
    requires_sanitization: bool = False
    #: whether servers of one project alone go under ``projects.<path>``, as in ~/.claude.json
    supports_projects: bool = False
    #: see ``formats``
    config_format: str = DEFAULT_FORMAT
    #: a regular expression; servers whose name does not match it are left out
    server_name_pattern: str = ""

    @property
    def is_file(self) -> bool:
        return self.type != STORAGE

    @property
    def format(self) -> Format:
        """What it is written as; InvalidValue when there is no such format."""
        return registry.get(_GO_FORMATS.get(self.config_format, self.config_format))

    @property
    def path(self) -> Path:
        """Where the file is."""
        return Path(self.config_path).expanduser()

    @property
    def key(self) -> str:
        """The key, where it is none."""
        return keys.target(self.name)

    @property
    def fingerprint(self) -> str:
        """Changes with every change of what is remembered; give it as ``if_unchanged``."""
        return fingerprint(self.to_dict())

    def takes(self, servers: Iterable[Server], project: str = "") -> dict[str, Server]:
        """The servers that go here, under the names that they have here.

        Where projects are supported, those of one project alone, or of none.
        """
        taken: dict[str, Server] = {}
        for server in servers:
            if self.supports_projects and _project(server) != project:
                continue
            name = self._free_name(server.name, taken)
            if server.enabled and server.internal.goes_to(self.name) and self._fits(name):
                taken[name] = server
        return taken

    def _fits(self, name: str) -> bool:
        return not self.server_name_pattern or bool(re.search(self.server_name_pattern, name))

    def _free_name(self, name: str, taken: dict[str, Server]) -> str:
        if not self.requires_sanitization:
            return name
        fit = base = _UNFIT.sub("-", name).strip("-_")[:_MAX_FIT] or "server"
        number = 1
        while fit in taken:
            number += 1
            fit = f"{base[: _MAX_FIT - len(str(number)) - 1]}-{number}"
        return fit


def _project(server: Server) -> str:
    return server.internal.project_path if server.internal.project_specific else ""
