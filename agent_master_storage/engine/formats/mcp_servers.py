"""``mcpServers``: an object from name to server, in a file that may hold anything else.

Claude Desktop began it and most clients took it over. What they call a remote server differs;
who does it in a way of their own is a subclass here below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from .base import Format, Names, look
from .servers import Spelling


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
    """Cline: ``type`` is streamableHttp; a ``url`` without one is SSE."""

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
    """Roo Code: ``type`` is streamable-http. Not told apart from others by its looks."""

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
    """Windsurf: the URL stands under ``serverUrl``, whatever the transport."""

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
    found = look(document, McpServers.path)
    for server in found.values() if isinstance(found, Mapping) else ():
        if isinstance(server, Mapping):
            yield server
