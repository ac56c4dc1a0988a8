"""The document under ``config``, as the engine writes it."""

from __future__ import annotations

import json
from typing import Any

CONFIG: dict[str, Any] = {
    "version": "1.0.0",
    "servers": {
        "fetch": {
            "name": "fetch",
            "transport": "stdio",
            "command": "uvx",
            "args": ["mcp-server-fetch", "--ignore-robots-txt"],
            "env": {"NOTE": 'ünïcode, <html> & "quotes"'},
            "enabled": True,
        }
    },
    "settings": {"autoSync": {"enabled": False, "debounce": 500}},
    "futureField": {"kept": [1, 2.5, None]},
}


def encode(document: Any) -> bytes:
    """As Go's json.MarshalIndent(document, "", "  "): <, > and & escaped."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode()
