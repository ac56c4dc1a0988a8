"""Backups of the document, as entries of the same storage.

``backups/<id>`` holds a copy of the document, byte for byte, and ``backup-meta:<id>`` its
description.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import ValidationError

from .. import serialization
from ..exceptions import InvalidKey, InvalidValue, KeyNotFound
from ..types import Operation, Write
from . import keys, times
from .document import Document
from .document_store import DocumentStore, commit, read_stored, require_revisions, retry_conflicts
from .exceptions import BackupNotFound, InvalidDocument
from .json_object import JsonObject, Time

logger = logging.getLogger("agent_master_storage.engine")


class Backup(JsonObject):
    """The description of one backup."""

    always: ClassVar[frozenset[str]] = frozenset({"id", "path", "timestamp", "size", "type"})

    id: str
    #: the name of the file that the Go engine's file storage would use
    path: str = ""
    timestamp: Time = times.NEVER
    #: in bytes
    size: int = 0
    #: manual, pre-restore, pre-sync, or what the caller specified
    type: str = "manual"
    description: str = ""

    @property
    def made_at(self) -> datetime:
        return times.parse(self.timestamp)


def create_backup(engine: DocumentStore, description: str = "", *, type: str = "manual") -> Backup:
    """Back up the document, and delete the oldest backups beyond ``maxBackups``.

    Args:
        description: Free text for people.
        type: What kind of backup it is.
    """
    require_revisions(engine.storage)

    def attempt() -> Backup:
        value, _ = read_stored(engine)
        backup = _new_backup(_or_new(value), description, type)
        commit(engine.storage, _writes(backup, _or_new(value)))
        return backup

    backup = retry_conflicts(attempt)
    _prune(engine, keep={backup.id})
    return backup


def list_backups(engine: DocumentStore) -> list[Backup]:
    """Return all backups, the newest first.

    A backup whose description cannot be read is logged and left out.
    """
    found = (_read_meta(engine, key) for key in _meta_keys(engine))
    return sorted(filter(None, found), key=_age, reverse=True)


def get_backup(engine: DocumentStore, id: str) -> Document:
    """Return the document that a backup holds.

    Raises:
        BackupNotFound: If there is no such backup.
        InvalidDocument: If it does not hold a document.
    """
    return Document.parse(_read_value(engine, id))


def restore_backup(engine: DocumentStore, id: str) -> Backup:
    """Replace the document by that of a backup, byte for byte.

    Returns:
        A new backup of the replaced document. It is made in the same commit as the replacement,
        so it contains every change up to then.

    Raises:
        BackupNotFound: If there is no such backup.
        InvalidDocument: If it does not hold a document. Nothing is changed.
    """
    require_revisions(engine.storage)
    restored = _read_value(engine, id)
    Document.parse(restored)

    def attempt() -> Backup:
        value, revision = read_stored(engine)
        present = _or_new(value)
        backup = _new_backup(present, f"before the restore of {id}", "pre-restore")
        writes = _writes(backup, present)
        commit(engine.storage, [*writes, Write(keys.CONFIG, restored, if_revision=revision)])
        return backup

    backup = retry_conflicts(attempt)
    _prune(engine, keep={backup.id, id})
    return backup


def delete_backup(engine: DocumentStore, id: str) -> None:
    """Delete a backup.

    Raises:
        BackupNotFound: If there is no such backup.
    """
    if not _delete(engine, id):
        raise BackupNotFound(id)


def _read_value(engine: DocumentStore, id: str) -> bytes:
    try:
        return engine.storage.read(keys.backup(id))
    except (KeyNotFound, InvalidKey) as error:
        raise BackupNotFound(id) from error


def _meta_keys(engine: DocumentStore) -> Iterable[str]:
    # The Go engine's file storage finds both of them under "backup-meta/".
    for prefix in (keys.BACKUP_META, keys.OLD_BACKUP_META):
        yield from engine.storage.list(prefix)


def _read_meta(engine: DocumentStore, key: str) -> Backup | None:
    try:
        return Backup.model_validate(engine.storage.read_json(key))
    except KeyNotFound:
        # Another process has deleted it since it was listed.
        return None
    except (InvalidValue, ValidationError) as error:
        alias = engine.storage.alias
        logger.warning("%s: %s is not the description of a backup: %s", alias, key, error)
        return None


def _prune(engine: DocumentStore, keep: set[str]) -> None:
    """Delete the oldest backups beyond maxBackups, but none of ``keep``."""
    try:
        limit = engine.config().settings.backup.max_backups
    except InvalidDocument:
        # A document that cannot be read has no limit. It can be backed up and restored over.
        return
    if limit <= 0:
        return
    others = [backup for backup in list_backups(engine) if backup.id not in keep]
    for backup in others[max(0, limit - len(keep)) :]:
        _delete(engine, backup.id)


def _delete(engine: DocumentStore, id: str) -> bool:
    """Delete the entries of a backup, and return whether there were any."""
    names = (keys.backup_meta(id), f"{keys.OLD_BACKUP_META}{id}", keys.backup(id))
    return sum(_delete_key(engine, name) for name in names) > 0


def _delete_key(engine: DocumentStore, key: str) -> bool:
    try:
        engine.storage.delete(key)
    except (KeyNotFound, InvalidKey):
        return False
    return True


def _new_backup(value: bytes, description: str, type: str) -> Backup:
    nanoseconds = time.time_ns()
    made = datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC)
    id = f"backup-{made:%Y%m%d-%H%M%S}-{nanoseconds}"
    return Backup(
        id=id,
        path=f"backups/{id}.json",
        timestamp=times.from_nanoseconds(nanoseconds),
        size=len(value),
        type=type,
        description=description,
    )


def _writes(backup: Backup, value: bytes) -> list[Operation]:
    # With if_revision=0, two processes that make a backup in the same nanosecond get two ids.
    meta = serialization.dumps(backup.to_dict()).encode()
    return [
        Write(keys.backup(backup.id), value, if_revision=0),
        Write(keys.backup_meta(backup.id), meta, if_revision=0),
    ]


def _or_new(value: bytes | None) -> bytes:
    return Document.new().dump() if value is None else value


def _age(backup: Backup) -> tuple[datetime, str]:
    return backup.made_at, backup.id
