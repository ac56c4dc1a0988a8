"""The names under which the engine keeps things: those of the Go engine.

``:`` separates, but in ``backups/<id>``; a path in ``projects:<path>:config`` has ``-`` for ``/``.
"""

from __future__ import annotations

#: the document with servers and settings
CONFIG = "config"

BACKUPS = "backups/"
BACKUP_META = "backup-meta:"
#: releases of the Go engine before 1.0.2 wrote it so; read, never written
OLD_BACKUP_META = "backup-meta/"

AUTO_SYNC_STATUS = "state:autosync:status"


def target(name: str) -> str:
    """What was synced to a destination that is a key of the storage."""
    return f"targets:{name}:config"


def backup(identifier: str) -> str:
    return f"{BACKUPS}{identifier}"


def backup_meta(identifier: str) -> str:
    return f"{BACKUP_META}{identifier}"


def last_sync(destination: str) -> str:
    return f"state:sync:{destination}:last"
