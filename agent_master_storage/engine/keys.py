"""The keys of the engine, which are those of the Go engine.

Parts are separated by ``:``, except in ``backups/<id>``. The path in ``projects:<path>:config`` has
``-`` instead of ``/``.
"""

from __future__ import annotations

#: the document with servers and settings
CONFIG = "config"

BACKUPS = "backups/"
BACKUP_META = "backup-meta:"
#: the prefix in releases of the Go engine before 1.0.2; read, never written
OLD_BACKUP_META = "backup-meta/"

AUTO_SYNC_STATUS = "state:autosync:status"


def target(name: str) -> str:
    """Return the key of a destination that is not a file."""
    return f"targets:{name}:config"


def backup(identifier: str) -> str:
    return f"{BACKUPS}{identifier}"


def backup_meta(identifier: str) -> str:
    return f"{BACKUP_META}{identifier}"


def last_sync(destination: str) -> str:
    return f"state:sync:{destination}:last"
