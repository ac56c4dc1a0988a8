"""VS Code: ``servers`` and ``inputs``, in a file of their own or under ``mcp`` in settings.

https://code.visualstudio.com/docs/copilot/reference/mcp-configuration
"""

from __future__ import annotations

from typing import ClassVar

from .base import Format, Names
from .servers import Spelling


class VsCode(Format):
    """``.vscode/mcp.json``: each server says its ``type``."""

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
    """``settings.json``: the same under ``mcp``, beside all other settings."""

    name = "vscode-settings"
    title = "VS Code's settings with mcp"
    clients = ()
    files = (".vscode/settings.json",)
    path = ("mcp", "servers")
    inputs_path = ("mcp", "inputs")
