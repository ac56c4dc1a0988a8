"""``manage.py storage``: look at the storages, and what an operator does to them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...backends.base import BaseStorage
from ...exceptions import NotSupported, StorageError
from ...handler import DEFAULT_ALIAS, storages
from ..copy import Copy, Differences

#: characters in a progress bar
BAR = 40
#: keys of each kind that a comparison names
SHOWN = 5

_ARGUMENTS = ("alias", "revision", "source", "target", "check")


class Command(BaseCommand):
    """Each subcommand is a method of its name."""

    help = "Shows and maintains the storages of AGENT_MASTER_STORAGE."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="subcommand", required=True)
        commands.add_parser("status", help="where each storage stands")
        epoch = commands.add_parser(
            "new-epoch", help="begin a new epoch; to be run after a restore from a backup"
        )
        epoch.add_argument("alias", nargs="?", default=DEFAULT_ALIAS)
        compact = commands.add_parser("compact", help="drop the changes up to a revision")
        compact.add_argument("revision", type=int)
        compact.add_argument("alias", nargs="?", default=DEFAULT_ALIAS)
        copy = commands.add_parser(
            "copy", help="copy what one storage holds into another; may be run again at any time"
        )
        copy.add_argument("source", metavar="from")
        copy.add_argument("target", metavar="to")
        copy.add_argument("--check", action="store_true", help="compare them and write nothing")

    def handle(self, *args: Any, subcommand: str, **options: Any) -> None:
        method = getattr(self, subcommand.replace("-", "_"))
        try:
            method(**{name: options[name] for name in _ARGUMENTS if name in options})
        except (StorageError, KeyError) as error:
            raise CommandError(str(error)) from error

    def status(self) -> None:
        for alias, storage in storages.items():
            self.stdout.write(f"{alias}: {type(storage).__name__} {_standing(storage)}")

    def new_epoch(self, alias: str) -> None:
        self.stdout.write(f"{alias}: epoch {storages[alias].new_epoch()}")

    def compact(self, alias: str, revision: int) -> None:
        storages[alias].compact(revision)
        self.stdout.write(f"{alias}: {_standing(storages[alias])}")

    def copy(self, source: str, target: str, check: bool) -> None:
        if source == target:
            raise CommandError(f"{source!r} can't be copied into itself")
        copy = Copy(storages[source], storages[target], self._bar)
        if not check:
            self.stdout.write(f"{source} to {target}: {copy.run()} keys written")
        elif found := copy.compare():
            raise CommandError(f"{source} and {target} differ: {_told(found)}")
        else:
            self.stdout.write(f"{source} and {target} hold the same")

    def _bar(self, done: int, total: int) -> None:
        """For people alone: a file or a pipe has no use for it."""
        if not self.stderr.isatty():
            return
        filled = BAR * done // total
        end = "\n" if done == total else ""
        bar = f"\r[{'#' * filled:.<{BAR}}] {done} of {total}"
        self.stderr.write(bar, self.style.SUCCESS, ending=end)
        self.stderr.flush()


def _told(found: Differences) -> str:
    kinds = {"missing": found.missing, "different": found.different, "only there": found.extra}
    return "; ".join(
        f"{len(keys)} {kind} ({', '.join(map(repr, keys[:SHOWN]))}{', ...' * (len(keys) > SHOWN)})"
        for kind, keys in kinds.items()
        if keys
    )


def _standing(storage: BaseStorage) -> str:
    try:
        return f"revision {storage.revision}, log from {storage.oldest}, epoch {storage.epoch}"
    except NotSupported:
        return f"{len(storage.list())} keys"
