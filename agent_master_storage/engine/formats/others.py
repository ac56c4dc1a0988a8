"""Clients that keep servers under a key of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .base import Format, Json
from .servers import Spelling, looks_like_one


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
    """Zed: ``context_servers`` in settings.json, where its extensions have their settings too.

    https://zed.dev/docs/ai/mcp
    """

    name = "zed"
    title = "Zed's context_servers"
    files = (".config/zed/settings.json", ".zed/settings.json")
    path = ("context_servers",)
    spelling = Spelling(types={}, off=("enabled", False))

    def is_foreign(self, name: str, raw: Any) -> bool:
        """What an extension starts has no command here."""
        if not isinstance(raw, Mapping) or "command" in raw:
            return False
        return "settings" in raw and not looks_like_one(raw)

    def read_server(self, raw: Any, where: str, warnings: list[str]) -> Json:
        """Also the form of 2024, in which ``command`` is an object with path, args and env."""
        command = raw.get("command") if isinstance(raw, Mapping) else None
        if isinstance(command, Mapping):
            started = {("command" if key == "path" else key): command[key] for key in command}
            raw = {**raw, "command": None, **started}
        return super().read_server(raw, where, warnings)
