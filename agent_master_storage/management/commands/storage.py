"""``manage.py storage``: show and maintain the storages of the project."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...backends.base import BaseStorage
from ...exceptions import StorageError
from ...handler import DEFAULT_ALIAS, storages
from ..copy import Differences, StorageCopy

#: characters in the progress bar
BAR_WIDTH = 40
#: keys of each kind that a comparison lists
MAX_LISTED = 5

_ARGUMENTS = ("alias", "revision", "source", "target", "check")


class Command(BaseCommand):
    """Each subcommand is the method of the same name."""

    help = "Show and maintain the storages in AGENT_MASTER_STORAGE."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="subcommand", required=True)
        commands.add_parser("status", help="show the revision and the epoch of each storage")
        epoch = commands.add_parser(
            "new-epoch", help="begin a new epoch; run it after restoring a backup"
        )
        epoch.add_argument(
            "alias", nargs="?", default=DEFAULT_ALIAS, help="the storage (default: %(default)s)"
        )
        compact = commands.add_parser("compact", help="drop old changes from the change log")
        compact.add_argument("revision", type=int, help="the last revision to drop")
        compact.add_argument(
            "alias", nargs="?", default=DEFAULT_ALIAS, help="the storage (default: %(default)s)"
        )
        copy = commands.add_parser(
            "copy", help="copy the entries of one storage to another; it can be repeated safely"
        )
        copy.add_argument("source", metavar="from", help="the alias to copy from")
        copy.add_argument("target", metavar="to", help="the alias to copy to")
        copy.add_argument(
            "--check", action="store_true", help="compare the storages without writing anything"
        )

    def handle(self, *args: Any, subcommand: str, **options: Any) -> None:
        method = getattr(self, subcommand.replace("-", "_"))
        try:
            method(**{name: options[name] for name in _ARGUMENTS if name in options})
        except (StorageError, KeyError) as error:
            raise CommandError(str(error)) from error

    def status(self) -> None:
        for alias, storage in storages.items():
            self.stdout.write(f"{alias}: {type(storage).__name__} {_status(storage)}")

    def new_epoch(self, alias: str) -> None:
        self.stdout.write(f"{alias}: epoch {storages[alias].new_epoch()}")

    def compact(self, alias: str, revision: int) -> None:
        storages[alias].compact(revision)
        self.stdout.write(f"{alias}: {_status(storages[alias])}")

    def copy(self, source: str, target: str, check: bool) -> None:
        if source == target:
            raise CommandError(f"cannot copy {source!r} to itself")
        copy = StorageCopy(storages[source], storages[target], self._show_progress)
        if not check:
            self.stdout.write(f"{source} to {target}: {copy.run()} keys written")
        elif found := copy.compare():
            raise CommandError(f"{source} and {target} differ: {_described(found)}")
        else:
            self.stdout.write(f"{source} and {target} have the same entries")

    def _show_progress(self, done: int, total: int) -> None:
        """Draw a progress bar if the output is a terminal."""
        if not self.stderr.isatty():
            return
        filled = BAR_WIDTH * done // total
        end = "\n" if done == total else ""
        bar = f"\r[{'#' * filled:.<{BAR_WIDTH}}] {done} of {total}"
        self.stderr.write(bar, self.style.SUCCESS, ending=end)
        self.stderr.flush()


def _described(found: Differences) -> str:
    kinds = {
        "missing": found.missing,
        "different": found.different,
        "only in the target": found.extra,
    }
    return "; ".join(
        f"{len(keys)} {kind} ({', '.join(map(repr, keys[:MAX_LISTED]))}"
        f"{', ...' * (len(keys) > MAX_LISTED)})"
        for kind, keys in kinds.items()
        if keys
    )


def _status(storage: BaseStorage) -> str:
    if not storage.supports_resume:
        return f"{len(storage.list())} keys"
    return f"revision {storage.revision}, log from {storage.oldest}, epoch {storage.epoch}"
