"""Preview and sync: compare what a destination contains with what it should, and write it.

A destination is given by its name, or as a Destination, which need not be in the document.
``keep_others`` says whether servers are kept that the destination has, but the engine has not;
None for the setting ``sync.preserveMissing``.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any, ClassVar

from ... import serialization
from ...exceptions import (
    InvalidValue,
    KeyNotFound,
    RevisionConflict,
    StorageError,
    StorageUnavailable,
    WrongType,
)
from .. import keys, times
from ..backups import create_backup
from ..document_store import DocumentStore, require_revisions, retry_conflicts
from ..exceptions import DestinationUnavailable, InvalidDestination
from ..json_object import JsonObject, Time
from .catalog import get_destination, list_destinations
from .destination import Destination
from .files import FileChanged
from .location import read_location
from .plan import Plan, Preview, make_plan


class SyncResult(JsonObject):
    """What a sync did, by the Go engine's names.

    It is stored as ``state:sync:<name>:last`` if the sync wrote something or failed.
    """

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
    #: in nanoseconds
    duration: int = 0
    timestamp: Time = times.NEVER
    dry_run: bool = False
    #: whether the destination was written, or would have been in a dry run
    written: bool = False


def preview(
    engine: DocumentStore, destination: str | Destination, *, keep_others: bool | None = None
) -> Preview:
    """Return what a sync would change.

    Raises:
        DestinationNotFound: If there is no such destination.
        DestinationUnavailable: If its file or key cannot be read.
    """
    target = _target(engine, destination)
    location = read_location(target, engine.storage)
    return make_plan(target, location, engine.config(), keep_others).preview


def sync_one(
    engine: DocumentStore,
    destination: str | Destination,
    *,
    dry_run: bool = False,
    backup: bool | None = None,
    keep_others: bool | None = None,
) -> SyncResult:
    """Write the servers to a destination and keep everything else that it contains.

    If it contains them already, nothing is written.

    Args:
        destination: The destination.
        dry_run: Whether to write nothing.
        backup: Whether a file that is replaced is first copied into ``.backups`` next to it;
            None for the setting ``backup.enabled``.
        keep_others: See the module.

    Raises:
        DestinationNotFound: If there is no such destination.
        InvalidDestination: If it is disabled.
        DestinationUnavailable: If its file or key cannot be read or written.
    """
    target = _target(engine, destination)
    if not target.enabled:
        raise InvalidDestination(target.name, "it is disabled")
    if not target.is_file:
        require_revisions(engine.storage)
    started = time.time_ns()
    run = _SyncRun(engine, target, dry_run=dry_run, backup=backup, keep_others=keep_others)
    try:
        plan = run.run()
    except StorageError as error:
        if not dry_run and not isinstance(error, StorageUnavailable):
            _store_result(engine, _failure(target.name, error, started))
        raise
    result = _success(
        target,
        plan.preview,
        started=started,
        written=plan.needed,
        dry_run=dry_run,
        backup=run.backup_path,
    )
    if result.written and not dry_run:
        _store_result(engine, result)
    return result


def sync_all(
    engine: DocumentStore,
    destinations: Collection[str] | None = None,
    *,
    dry_run: bool = False,
    backup: bool | None = None,
    keep_others: bool | None = None,
) -> list[SyncResult]:
    """Sync several destinations; one that fails does not stop the others.

    Args:
        destinations: Names; None for all enabled ones.
        dry_run: See sync_one().
        backup: See sync_one().
        keep_others: See the module.

    Returns:
        A result for each. A failure is in ``errors`` of the result.
    """
    names = destinations
    if names is None:
        names = [target.name for target in list_destinations(engine, enabled=True)]
    results = []
    for name in names:
        started = time.time_ns()
        try:
            result = sync_one(engine, name, dry_run=dry_run, backup=backup, keep_others=keep_others)
        except StorageError as error:
            result = _failure(name, error, started)
        results.append(result)
    return results


def last_sync(engine: DocumentStore, destination: str) -> SyncResult | None:
    """Return the result of the last sync, by any process, that wrote something or failed.

    Returns:
        The result, or None if there was none.
    """
    try:
        return SyncResult.model_validate(engine.storage.read_json(keys.last_sync(destination)))
    except (KeyNotFound, InvalidValue, ValueError):
        return None


class _SyncRun:
    """One sync: read, back up and write; repeated if the destination changes in between."""

    def __init__(
        self,
        engine: DocumentStore,
        target: Destination,
        *,
        dry_run: bool,
        backup: bool | None,
        keep_others: bool | None,
    ) -> None:
        self._engine = engine
        self._target = target
        self._dry_run = dry_run
        self._backup = backup
        self._keep_others = keep_others
        #: the copy of the replaced file
        self.backup_path = ""
        self._document_backed_up = False

    def run(self) -> Plan:
        name = self._target.name
        try:
            return retry_conflicts(self._attempt, RevisionConflict, FileChanged)
        except FileChanged as error:
            reason = f"{error} is being written by another program all the time"
            raise DestinationUnavailable(name, reason) from error
        except OSError as error:
            raise DestinationUnavailable(name, str(error)) from error

    def _attempt(self) -> Plan:
        location = read_location(self._target, self._engine.storage)
        document = self._engine.config()
        plan = make_plan(self._target, location, document, self._keep_others)
        if plan.needed and not self._dry_run:
            settings = document.settings.backup
            if settings.before_sync and not self._document_backed_up:
                description = f"before the sync of {self._target.name}"
                create_backup(self._engine, description, type="pre-sync")
                self._document_backed_up = True
            if settings.enabled if self._backup is None else self._backup:
                self.backup_path = location.back_up(settings.max_backups)
            location.replace(plan.content)
        return plan


def _target(engine: DocumentStore, destination: str | Destination) -> Destination:
    if isinstance(destination, Destination):
        return destination
    return get_destination(engine, destination)


def _store_result(engine: DocumentStore, result: SyncResult) -> None:
    """Store the result, unless it is the same failure as the last one."""
    if result.errors:
        known = last_sync(engine, result.destination)
        if known is not None and known.errors == result.errors:
            return
    data = serialization.dumps(result.to_dict()).encode()
    engine.storage.write(keys.last_sync(result.destination), data)


def _success(
    target: Destination,
    preview: Preview,
    *,
    started: int,
    written: bool,
    dry_run: bool,
    backup: str,
) -> SyncResult:
    """Return the result of a sync; ``started`` is in nanoseconds since 1970."""
    types = {"add": preview.added, "update": preview.changed, "remove": preview.removed}
    return SyncResult(
        destination=target.name,
        success=True,
        servers_added=len(preview.added),
        servers_updated=len(preview.changed),
        servers_removed=len(preview.removed),
        changes=[{"type": type, "server": name} for type, names in types.items() for name in names],
        warnings=list(preview.warnings),
        backup_path=backup,
        config_path=target.config_path,
        duration=time.time_ns() - started,
        timestamp=times.from_nanoseconds(started),
        dry_run=dry_run,
        written=written,
    )


def _failure(name: str, error: StorageError, started: int) -> SyncResult:
    """Return the result of a sync that raised; ``started`` is in nanoseconds since 1970."""
    recoverable = isinstance(error, StorageUnavailable) and not isinstance(error, WrongType)
    return SyncResult(
        destination=name,
        errors=[{"error": str(error), "recoverable": recoverable}],
        duration=time.time_ns() - started,
        timestamp=times.from_nanoseconds(started),
    )
