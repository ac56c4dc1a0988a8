"""Clients that keep servers under a key of their own."""

from __future__ import annotations

from .base import Format
from .servers import Spelling


class Codex(Format):
    """Codex: ``mcp_servers`` in config.toml, with ``http_headers`` and ``enabled``.

    https://github.com/openai/codex/blob/main/docs/config.md
    """

    name = "codex"
    title = "Codex's mcp_servers"
    files = ("~/.codex/config.toml",)
    syntax = "toml"
    path = ("mcp_servers",)
    spelling = Spelling(types={}, headers="http_headers", off=("enabled", False), default="http")


class Zed(Format):
    """Zed: ``context_servers`` in settings.json."""

    name = "zed"
    title = "Zed's context_servers"
    files = ("~/.config/zed/settings.json", ".zed/settings.json")
    path = ("context_servers",)
    spelling = Spelling(types={}, off=("enabled", False))
