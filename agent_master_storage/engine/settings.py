"""The ``settings`` of the document, and the document that an empty storage starts with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from ..exceptions import InvalidValue
from .json_object import JsonObject, problems

if TYPE_CHECKING:
    from .document import Document
    from .document_store import DocumentStore

#: version of the document's format
VERSION = "1.0.2"


class AutoSyncSettings(JsonObject):
    """When destinations are written automatically. Durations are in nanoseconds."""

    enabled: bool = False
    watch_interval: int = 0
    #: changes that follow within this time are synced together
    debounce_delay: int = 0
    #: names of destinations; empty for all
    destinations: list[str] = []

    @property
    def debounce_seconds(self) -> float:
        return self.debounce_delay / 1_000_000_000


class BackupSettings(JsonObject):
    """How many backups are kept, and when they are made."""

    enabled: bool = False
    #: the oldest ones beyond this number are deleted; 0 keeps all
    max_backups: int = 0
    #: where the Go engine's file storage keeps backups; here they are entries of the storage
    location: str = ""
    backup_path: str = ""
    #: whether the document is backed up before each sync
    before_sync: bool = False


class SyncSettings(JsonObject):
    """How destinations are written."""

    #: whether servers that a destination has, but the engine has not, are kept
    preserve_missing: bool = False


class Settings(JsonObject):
    """The settings that the engine uses; all others are in ``extra``."""

    auto_sync: AutoSyncSettings = Field(default_factory=AutoSyncSettings)
    backup: BackupSettings = Field(default_factory=BackupSettings)
    sync: SyncSettings = Field(default_factory=SyncSettings)


def new_document() -> dict[str, Any]:
    """Return the document that the Go engine starts with."""
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


def update_settings(engine: DocumentStore, /, **sections: Mapping[str, Any]) -> Settings:
    """Set fields in sections of the settings, and return the settings.

    Sections and fields have the names that they have in the document, as in
    ``update_settings(backup={"maxBackups": 5}, autoSync={"destinations": ["cursor"]})``.
    A field that is set to None is removed; fields that are not given are kept.

    Raises:
        InvalidValue: If a field has a wrong type. Nothing is stored.
    """

    def edit(document: Document) -> Settings:
        for section, fields in sections.items():
            found = document.section("settings", section)
            for name, value in fields.items():
                if value is None:
                    found.pop(name, None)
                else:
                    found[name] = value
        return _validated(document)

    return engine.change(edit)


def _validated(document: Document) -> Settings:
    try:
        return Settings.model_validate(document.section("settings"))
    except ValidationError as error:
        faults = "; ".join(f"settings.{problem}" for problem in problems(error))
        raise InvalidValue(f"the settings are not valid: {faults}") from None
