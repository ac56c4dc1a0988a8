"""Documents for the tests."""

from __future__ import annotations

from agent_master_storage import serialization as wire

#: as the Go engine writes it, with unknown keys at every level
GO = """{
  "version": "1.0.2",
  "servers": {
    "files": {
      "transport": "stdio",
      "command": "npx",
      "args": [
        "-y",
        "@modelcontextprotocol/server-filesystem",
        "/tmp"
      ],
      "env": {
        "TOKEN": "${TOKEN}"
      },
      "timeout": 30.5,
      "internal": {
        "enabled": true,
        "lastSynced": "0001-01-01T00:00:00Z",
        "lastModified": "2026-11-23T12:54:04.633719979Z",
        "source": "user",
        "syncTargets": [
          "all"
        ],
        "mood": {
          "of": "the engine"
        }
      }
    },
    "remote": {
      "transport": "sse",
      "url": "https://mcp.example.com/sse",
      "headers": {
        "Authorization": "Bearer ${T}"
      },
      "internal": {
        "lastSynced": "0001-01-01T00:00:00Z",
        "lastModified": "2026-11-23T13:54:04.6+01:00",
        "source": "user",
        "syncTargets": [
          "all"
        ]
      }
    }
  },
  "settings": {
    "autoSync": {
      "enabled": false,
      "watchInterval": 1000000000,
      "debounceDelay": 500000000
    },
    "backup": {
      "enabled": true,
      "maxBackups": 10,
      "location": "~/.agent-master/backups"
    },
    "sync": {},
    "conflictResolution": {
      "mode": "interactive"
    },
    "colour": [
      1,
      null,
      "ü"
    ]
  },
  "later": {
    "releases": "add this"
  }
}"""


def stored(engine, key="config"):
    """Return the parsed value of a key."""
    return wire.loads(engine.storage.read(key))


def put(engine, text, key="config"):
    """Write directly to the storage, as another program does."""
    engine.storage.write(key, text if isinstance(text, bytes) else text.encode())
