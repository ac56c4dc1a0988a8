"""Preview and sync: what a destination has is compared with what it should have, and written."""

from __future__ import annotations

import time
from collections.abc import Collection

from .. import serialization as wire
from ..exceptions import (
    InvalidValue,
    KeyNotFound,
    RevisionConflict,
    StorageError,
    StorageUnavailable,
)
from . import keys, results
from .backups import BackupVerbs
from .core import twin, until_first
from .destination import Destination
from .destinations import DestinationVerbs
from .exceptions import DestinationUnavailable, InvalidDestination
from .files import FileChanged
from .places import place_of
from .planning import Plan, plan
from .preview import Preview
from .results import Results, SyncResult


class SyncVerbs(DestinationVerbs, BackupVerbs):
    """preview, sync and sync_all.

    A destination is given by its name, or as a Destination that need not be remembered.
    ``keep_others``: whether servers that the destination has and the engine has not stay
    there; None: as the setting ``sync.preserveMissing`` says.
    """

    def preview(
        self, destination: str | Destination, *, keep_others: bool | None = None
    ) -> Preview:
        """What a sync would change. DestinationNotFound, DestinationUnavailable."""
        target = self._target(destination)
        return plan(target, place_of(target, self.storage), self.config(), keep_others).preview

    def sync(
        self,
        destination: str | Destination,
        *,
        dry_run: bool = False,
        backup: bool | None = None,
        keep_others: bool | None = None,
    ) -> SyncResult:
        """Write the servers to a destination, which keeps all else that it has.

        Nothing is written when it has them already. ``backup``: whether a file that is
        replaced is copied into ``.backups`` beside it; None: as the setting ``backup.enabled``
        says. DestinationNotFound; InvalidDestination for one that is disabled;
        DestinationUnavailable.
        """
        target = self._target(destination)
        if not target.enabled:
            raise InvalidDestination(target.name, "it is disabled")
        if not target.is_file:
            self._need_revisions()
        started = time.time_ns()
        job = _Sync(self, target, dry_run=dry_run, backup=backup, keep_others=keep_others)
        try:
            found = job.run()
        except StorageError as error:
            if not dry_run and not isinstance(error, StorageUnavailable):
                self._note(results.failed(target.name, error, started))
            raise
        result = results.succeeded(
            target,
            found.preview,
            started=started,
            written=found.needed,
            dry_run=dry_run,
            backup=job.backed_up,
        )
        if result.written and not dry_run:
            self._note(result)
        return result

    def sync_all(
        self,
        destinations: Collection[str] | None = None,
        *,
        dry_run: bool = False,
        backup: bool | None = None,
        keep_others: bool | None = None,
    ) -> Results:
        """Sync several destinations, or all that are enabled; one that fails holds up no other.

        The failure is in the ``errors`` of its result.
        """
        names = destinations
        if names is None:
            names = [target.name for target in self.list_destinations(enabled=True)]
        found = []
        for name in names:
            started = time.time_ns()
            try:
                one = self.sync(name, dry_run=dry_run, backup=backup, keep_others=keep_others)
            except StorageError as error:
                one = results.failed(name, error, started)
            found.append(one)
        return found

    def last_sync(self, destination: str) -> SyncResult | None:
        """What the last sync that wrote or failed did, by any process; None before the first."""
        try:
            return SyncResult.model_validate(self.storage.read_json(keys.last_sync(destination)))
        except (KeyNotFound, InvalidValue, ValueError):
            return None

    def _target(self, destination: str | Destination) -> Destination:
        if isinstance(destination, Destination):
            return destination
        return self.get_destination(destination)

    def _note(self, result: SyncResult) -> None:
        """Keep the result, unless it is the failure that is known already."""
        if result.errors:
            known = self.last_sync(result.destination)
            if known is not None and known.errors == result.errors:
                return
        self.storage.write(
            keys.last_sync(result.destination), wire.dumps(result.to_dict()).encode()
        )

    apreview = twin(preview)
    async_ = twin(sync)
    async_all = twin(sync_all)
    alast_sync = twin(last_sync)


class _Sync:
    """One sync: looked at, backed up and written, and all again when it changed meanwhile."""

    def __init__(
        self,
        verbs: SyncVerbs,
        target: Destination,
        *,
        dry_run: bool,
        backup: bool | None,
        keep_others: bool | None,
    ) -> None:
        self._verbs = verbs
        self._target = target
        self._dry_run = dry_run
        self._backup = backup
        self._keep_others = keep_others
        #: the copy of the file that was replaced
        self.backed_up = ""
        self._noted = False

    def run(self) -> Plan:
        name = self._target.name
        try:
            return until_first(self._attempt, RevisionConflict, FileChanged)
        except FileChanged as error:
            raise DestinationUnavailable(name, f"{error} is written all the time") from error
        except OSError as error:
            raise DestinationUnavailable(name, str(error)) from error

    def _attempt(self) -> Plan:
        place = place_of(self._target, self._verbs.storage)
        document = self._verbs.config()
        found = plan(self._target, place, document, self._keep_others)
        if found.needed and not self._dry_run:
            settings = document.settings.backup
            if settings.before_sync and not self._noted:
                self._verbs.create_backup(
                    f"before the sync of {self._target.name}", type="pre-sync"
                )
                self._noted = True
            if settings.enabled if self._backup is None else self._backup:
                self.backed_up = place.back_up(settings.max_backups)
            place.replace(found.content)
        return found
