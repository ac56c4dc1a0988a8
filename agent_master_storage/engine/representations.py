"""JSON representations of the engine's objects, shared by REST and the management command.

Literal secrets are masked unless ``secrets`` is true.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .backups import Backup
from .destinations.destination import Destination
from .destinations.plan import Preview
from .destinations.sync import SyncResult
from .document import Document
from .secrets import advice, mask, mask_config
from .server import Server
from .transfer import ImportResult

Json = dict[str, Any]


def server(server: Server, *, secrets: bool = False) -> Json:
    """Represent a server; ``advice`` describes literal secrets without showing them."""
    config = server.config.to_dict()
    return {
        "name": server.name,
        "enabled": server.enabled,
        "transport": server.transport,
        "config": config if secrets else mask_config(config),
        "internal": server.internal.to_dict(),
        "problems": list(server.problems),
        "advice": [asdict(one) for one in advice(config)],
        "fingerprint": server.fingerprint,
    }


def document(document: Document, *, secrets: bool = False) -> Json:
    """Represent a whole document."""
    return document.data if secrets else dict(mask(document.data))


def backup(backup: Backup) -> Json:
    """Represent the description of a backup."""
    return backup.to_dict()


def destination(destination: Destination) -> Json:
    """Represent a destination by the names of the stored document."""
    return destination.to_dict()


def imported(result: ImportResult, *, dry_run: bool = False) -> Json:
    """Represent what an import did, or would do."""
    lists = {key: list(part) if isinstance(part, tuple) else part for key, part in _fields(result)}
    return {**lists, "dry_run": dry_run}


def preview(preview: Preview) -> Json:
    """Represent what a sync would change; its diff is masked already."""
    lists = {key: list(part) if isinstance(part, tuple) else part for key, part in _fields(preview)}
    return {**lists, "differs": preview.differs}


def synced(result: SyncResult) -> Json:
    """Represent what a sync did."""
    return result.to_dict() | {"dryRun": result.dry_run, "written": result.written}


def _fields(found: ImportResult | Preview) -> list[tuple[str, Any]]:
    return list(asdict(found).items())
