"""What came of a sync, in the Go engine's words."""

from __future__ import annotations

import time
from typing import Any, ClassVar, TypeAlias

from ..exceptions import StorageError, StorageUnavailable, WrongType
from . import times
from .destination import Destination
from .preview import Preview
from .types import Time, View


class SyncResult(View):
    """What a sync did; kept as ``state:sync:<name>:last`` when it wrote something or failed."""

    always: ClassVar[frozenset[str]] = frozenset(
        {
            "destination",
            "success",
            "servers_added",
            "servers_updated",
            "servers_removed",
            "duration",
            "timestamp",
        }
    )

    destination: str
    success: bool = False
    servers_added: int = 0
    servers_updated: int = 0
    servers_removed: int = 0
    #: ``{"type": "add" | "update" | "remove", "server": name}``
    changes: list[dict[str, Any]] = []
    #: ``{"error": text, "recoverable": bool}``
    errors: list[dict[str, Any]] = []
    warnings: list[str] = []
    backup_path: str = ""
    config_path: str = ""
    #: nanoseconds
    duration: int = 0
    timestamp: Time = times.NEVER
    dry_run: bool = False
    #: whether the destination was written, or would have been
    written: bool = False


Results: TypeAlias = list[SyncResult]


def succeeded(
    target: Destination,
    preview: Preview,
    *,
    started: int,
    written: bool,
    dry_run: bool,
    backup: str,
) -> SyncResult:
    """The result of a sync that was ``started`` at so many nanoseconds since 1970."""
    kinds = {"add": preview.added, "update": preview.changed, "remove": preview.removed}
    return SyncResult(
        destination=target.name,
        success=True,
        servers_added=len(preview.added),
        servers_updated=len(preview.changed),
        servers_removed=len(preview.removed),
        changes=[{"type": kind, "server": name} for kind, names in kinds.items() for name in names],
        warnings=list(preview.warnings),
        backup_path=backup,
        config_path=target.config_path,
        duration=time.time_ns() - started,
        timestamp=times.from_nanoseconds(started),
        dry_run=dry_run,
        written=written,
    )


def failed(name: str, error: StorageError, started: int) -> SyncResult:
    """The result of a sync that raised."""
    may_pass = isinstance(error, StorageUnavailable) and not isinstance(error, WrongType)
    return SyncResult(
        destination=name,
        errors=[{"error": str(error), "recoverable": may_pass}],
        duration=time.time_ns() - started,
        timestamp=times.from_nanoseconds(started),
    )
