"""Backups of the document, as entries of the same storage.

``backups/<id>`` holds the document, byte for byte, and ``backup-meta:<id>`` says about it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import ClassVar, TypeAlias

from pydantic import ValidationError

from .. import serialization as wire
from ..exceptions import InvalidKey, InvalidValue, KeyNotFound
from ..types import Operation, Write
from . import keys, times
from .core import Core, twin, until_first
from .document import Document
from .exceptions import BackupNotFound, InvalidDocument
from .types import Time, View

logger = logging.getLogger("agent_master_storage.engine")


class Backup(View):
    """What is known about one backup."""

    always: ClassVar[frozenset[str]] = frozenset({"id", "path", "timestamp", "size", "type"})

    id: str
    #: the name of the file that the Go engine's file storage would have
    path: str = ""
    timestamp: Time = times.NEVER
    #: bytes
    size: int = 0
    #: manual, pre-restore, pre-sync, or what the caller said
    type: str = "manual"
    description: str = ""

    @property
    def made_at(self) -> datetime:
        return times.parse(self.timestamp)


Backups: TypeAlias = list[Backup]


class BackupVerbs(Core):
    """Create, list, read, restore and delete backups."""

    def create_backup(self, description: str = "", *, type: str = "manual") -> Backup:
        """Keep the document as it stands now; the oldest beyond ``maxBackups`` are removed."""
        self._need_revisions()

        def attempt() -> Backup:
            value, _ = self._stands(keys.CONFIG)
            backup = _new_backup(_or_new(value), description, type)
            self._commit(_writes(backup, _or_new(value)))
            return backup

        backup = until_first(attempt)
        self._prune(keep={backup.id})
        return backup

    def list_backups(self) -> Backups:
        """All backups, the newest first. One whose notes can't be read is logged and left out."""
        found = (self._read_meta(key) for key in self._meta_keys())
        return sorted(filter(None, found), key=_age, reverse=True)

    def get_backup(self, id: str) -> Document:
        """The document that a backup holds; BackupNotFound, InvalidDocument."""
        return Document.parse(self._backed_up(id))

    def restore_backup(self, id: str) -> Backup:
        """Make a backup the present document, byte for byte; return one of what it replaced.

        That one is made together with the change, and so holds what others wrote up to it.
        BackupNotFound; InvalidDocument when it holds no document, and nothing is changed.
        """
        self._need_revisions()
        restored = self._backed_up(id)
        Document.parse(restored)

        def attempt() -> Backup:
            value, revision = self._stands(keys.CONFIG)
            present = _or_new(value)
            backup = _new_backup(present, f"before the restore of {id}", "pre-restore")
            writes = _writes(backup, present)
            self._commit([*writes, Write(keys.CONFIG, restored, if_revision=revision)])
            return backup

        backup = until_first(attempt)
        self._prune(keep={backup.id, id})
        return backup

    def delete_backup(self, id: str) -> None:
        """Remove a backup and its notes; BackupNotFound."""
        if not self._remove(id):
            raise BackupNotFound(id)

    # In the storage

    def _backed_up(self, id: str) -> bytes:
        try:
            return self.storage.read(keys.backup(id))
        except (KeyNotFound, InvalidKey) as error:
            raise BackupNotFound(id) from error

    def _meta_keys(self) -> Iterable[str]:
        # Its file storage would give the Go engine "backup-meta/" for both.
        for prefix in (keys.BACKUP_META, keys.OLD_BACKUP_META):
            yield from self.storage.list(prefix)

    def _read_meta(self, key: str) -> Backup | None:
        try:
            return Backup.model_validate(self.storage.read_json(key))
        except KeyNotFound:
            # Another process removed it meanwhile.
            return None
        except (InvalidValue, ValidationError) as error:
            logger.warning("%s: %s holds no notes of a backup: %s", self.storage.alias, key, error)
            return None

    def _prune(self, keep: set[str]) -> None:
        """Remove the oldest beyond maxBackups, but none of ``keep``."""
        try:
            limit = self.config().settings.backup.max_backups
        except InvalidDocument:
            # What can't be read was backed up all the same; it may be restored over.
            return
        if limit <= 0:
            return
        others = [backup for backup in self.list_backups() if backup.id not in keep]
        for backup in others[max(0, limit - len(keep)) :]:
            self._remove(backup.id)

    def _remove(self, id: str) -> bool:
        """Whether anything of the backup was there, to be removed."""
        names = (keys.backup_meta(id), f"{keys.OLD_BACKUP_META}{id}", keys.backup(id))
        return sum(map(self._drop, names)) > 0

    def _drop(self, key: str) -> bool:
        try:
            self.storage.delete(key)
        except (KeyNotFound, InvalidKey):
            return False
        return True

    acreate_backup = twin(create_backup)
    alist_backups = twin(list_backups)
    aget_backup = twin(get_backup)
    arestore_backup = twin(restore_backup)
    adelete_backup = twin(delete_backup)


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
    """Two processes that back up in the same nanosecond must not share an id."""
    notes = wire.dumps(backup.to_dict()).encode()
    return [
        Write(keys.backup(backup.id), value, if_revision=0),
        Write(keys.backup_meta(backup.id), notes, if_revision=0),
    ]


def _or_new(value: bytes | None) -> bytes:
    return Document.new().dump() if value is None else value


def _age(backup: Backup) -> tuple[datetime, str]:
    return backup.made_at, backup.id
