"""The ``settings`` of the document, and the document that an empty storage begins with."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from .types import View

#: version of the document's format
VERSION = "1.0.2"


class AutoSync(View):
    """When destinations are written by themselves. Durations are nanoseconds."""

    enabled: bool = False
    watch_interval: int = 0
    #: changes that come closer than this are synced together
    debounce_delay: int = 0
    #: names; empty: all
    destinations: list[str] = []

    @property
    def debounce_seconds(self) -> float:
        return self.debounce_delay / 1_000_000_000


class Backups(View):
    """How many backups are kept, and when they are made."""

    enabled: bool = False
    #: the oldest beyond it are removed; 0: all are kept
    max_backups: int = 0
    #: where the Go engine's file storage keeps them; here they are entries of the storage
    location: str = ""
    backup_path: str = ""
    #: whether a sync first backs up the document
    before_sync: bool = False


class Sync(View):
    """How destinations are written."""

    #: whether servers that a destination has, and the engine has not, stay there
    preserve_missing: bool = False


class Settings(View):
    """Settings that the engine acts on; the others are in ``extra``."""

    auto_sync: AutoSync = Field(default_factory=AutoSync)
    backup: Backups = Field(default_factory=Backups)
    sync: Sync = Field(default_factory=Sync)


def new_document() -> dict[str, Any]:
    """What the Go engine starts with."""
    return {
        "version": VERSION,
        "servers": {},
        "settings": {
            "autoSync": {
                "enabled": False,
                "watchInterval": 1_000_000_000,
                "debounceDelay": 500_000_000,
            },
            "backup": {
                "enabled": True,
                "maxBackups": 10,
                "location": "~/.agent-master/backups",
            },
            "sync": {},
            "conflictResolution": {"mode": "interactive"},
            "projectScanning": {
                "enabled": True,
                "scanPaths": ["~/code"],
                "excludePaths": ["node_modules", ".git", "dist"],
                "maxDepth": 5,
            },
            "validation": {
                "enabled": True,
                "validateBeforeWrite": True,
                "validateAfterWrite": True,
                "strictMode": False,
            },
        },
    }
