"""The formats of MCP clients.

Most clients have adopted ``mcpServers`` from Claude Desktop: an object from name to server, in a
file that may contain anything else. Clients that write remote servers differently are subclasses
of ``McpServers``. VS Code, Codex and Zed keep servers under keys of their own. ``Flat`` is the form
that READMEs use.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from ..exceptions import InvalidDocument
from ..json_path import get_at
from .format import Format, Json, Names
from .server_keys import Spelling, looks_like_server


class McpServers(Format):
    """Remote servers have a ``url``, and a ``type`` of sse or http."""

    name = "mcpServers"
    title = "a document with mcpServers"
    clients: ClassVar[Names] = (
        "claude-desktop",
        "claude-code",
        "cursor",
        "kiro",
        "lm-studio",
        "amazon-q",
    )
    files: ClassVar[Names] = (
        ".mcp.json",
        ".cursor/mcp.json",
        ".kiro/settings/mcp.json",
        "claude_desktop_config.json",
    )
    path: ClassVar[Names] = ("mcpServers",)


class Cline(McpServers):
    """Cline: ``type`` is streamableHttp; a ``url`` without a type is SSE."""

    name = "cline"
    title = "Cline's mcpServers"
    clients = ()
    files = ("cline_mcp_settings.json",)
    spelling = Spelling(
        types={"sse": "sse", "http": "streamableHttp", "streamable-http": "streamableHttp"},
        default="sse",
    )

    def recognises(self, document: Mapping[str, Any]) -> bool:
        return any(server.get("type") == "streamableHttp" for server in _servers(document))


class Roo(McpServers):
    """Roo Code: ``type`` is streamable-http. It cannot be detected from the content."""

    name = "roo"
    title = "Roo Code's mcpServers"
    clients = ("roo-code", "kilo-code")
    files = (".roo/mcp.json", ".kilocode/mcp.json")
    spelling = Spelling(
        types={"sse": "sse", "http": "streamable-http", "streamable-http": "streamable-http"}
    )

    def recognises(self, document: Mapping[str, Any]) -> bool:
        return False


class Windsurf(McpServers):
    """Windsurf: the URL is in ``serverUrl`` for every transport."""

    name = "windsurf"
    title = "Windsurf's mcpServers"
    clients = ()
    files = ("windsurf/mcp_config.json",)
    spelling = Spelling(
        types={},
        urls={"sse": "serverUrl", "http": "serverUrl", "streamable-http": "serverUrl"},
    )

    def recognises(self, document: Mapping[str, Any]) -> bool:
        keys = {key for server in _servers(document) for key in server}
        return "serverUrl" in keys and not keys & {"url", "httpUrl"}


class Gemini(McpServers):
    """Gemini CLI: ``httpUrl`` for http, ``url`` for SSE."""

    name = "gemini"
    title = "Gemini CLI's mcpServers"
    clients = ("gemini-cli", "qwen-code")
    files = (".gemini/settings.json", ".qwen/settings.json")
    spelling = Spelling(
        types={}, urls={"http": "httpUrl", "streamable-http": "httpUrl"}, default="sse"
    )

    def recognises(self, document: Mapping[str, Any]) -> bool:
        keys = {key for server in _servers(document) for key in server}
        return "httpUrl" in keys and "serverUrl" not in keys


def _servers(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    found = get_at(document, McpServers.path)
    for server in found.values() if isinstance(found, Mapping) else ():
        if isinstance(server, Mapping):
            yield server


class VsCode(Format):
    """VS Code: ``servers`` and ``inputs`` in ``.vscode/mcp.json``; each server has a ``type``.

    https://code.visualstudio.com/docs/copilot/reference/mcp-configuration
    """

    name = "vscode"
    title = "VS Code's servers and inputs"
    clients: ClassVar[Names] = ("vs-code", "visual-studio", "copilot")
    files: ClassVar[Names] = (".vscode/mcp.json",)
    path: ClassVar[Names] = ("servers",)
    inputs_path: ClassVar[Names] = ("inputs",)
    schemes: ClassVar[Names] = ("http", "https", "unix", "pipe")
    spelling = Spelling(
        types={"stdio": "stdio", "sse": "sse", "http": "http", "streamable-http": "http"}
    )


class VsCodeSettings(VsCode):
    """VS Code's ``settings.json``: the same under ``mcp``, next to all other settings."""

    name = "vscode-settings"
    title = "VS Code's settings with mcp"
    clients = ()
    files = (".vscode/settings.json",)
    path = ("mcp", "servers")
    inputs_path = ("mcp", "inputs")


class Codex(Format):
    """Codex: ``mcp_servers`` in config.toml, with ``http_headers`` and ``enabled``.

    https://github.com/openai/codex/blob/main/docs/config.md
    """

    name = "codex"
    title = "Codex's mcp_servers"
    files = (".codex/config.toml",)
    syntax = "toml"
    path = ("mcp_servers",)
    spelling = Spelling(types={}, headers="http_headers", off=("enabled", False), default="http")


class Zed(Format):
    """Zed: ``context_servers`` in settings.json, which also contain settings of extensions.

    https://zed.dev/docs/ai/mcp
    """

    name = "zed"
    title = "Zed's context_servers"
    files = (".config/zed/settings.json", ".zed/settings.json")
    path = ("context_servers",)
    spelling = Spelling(types={}, off=("enabled", False))

    def is_foreign(self, name: str, raw: Any) -> bool:
        """Return whether it is a server that an extension starts, which has no command here."""
        if not isinstance(raw, Mapping) or "command" in raw:
            return False
        return "settings" in raw and not looks_like_server(raw)

    def read_server(self, raw: Any, where: str, warnings: list[str]) -> Json:
        """Accept also the form of 2024, whose ``command`` is an object with path, args and env."""
        command = raw.get("command") if isinstance(raw, Mapping) else None
        if isinstance(command, Mapping):
            inner = {("command" if key == "path" else key): command[key] for key in command}
            raw = {**raw, "command": None, **inner}
        return super().read_server(raw, where, warnings)


class Flat(Format):
    """The flat format: every key is the name of a server, unless it begins with ``$``."""

    name = "flat"
    title = "the flat format"

    def recognises(self, document: Mapping[str, Any]) -> bool:
        servers = self.without_foreign(document)
        return bool(servers) and all(map(looks_like_server, servers.values()))

    def container(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the document.

        Raises:
            InvalidDocument: If it is a single server.
        """
        if looks_like_server(document) and not any(map(looks_like_server, document.values())):
            raise InvalidDocument(
                "the document is one server without a name: wrap it in an object"
                " whose key is the name"
            )
        return document

    def without_foreign(self, document: Mapping[str, Any]) -> Json:
        """Return the members that can be servers."""
        found = self.container(document)
        return {name: part for name, part in found.items() if not self.is_foreign(name, part)}

    def is_foreign(self, name: str, raw: Any) -> bool:
        return name.startswith("$")

    def render(
        self,
        given: Mapping[str, Mapping[str, Any]],
        *,
        inputs: Iterable[Mapping[str, Any]] = (),
        base: Mapping[str, Any] | None = None,
    ) -> Json:
        """Return a document with these servers; see Format.render().

        Raises:
            InvalidDocument: If a name begins with ``$``.
        """
        for name in filter(lambda name: self.is_foreign(name, None), given):
            raise InvalidDocument(f"{name!r} cannot be the name of a server in {self.title}")
        return super().render(given, inputs=inputs, base=base)
