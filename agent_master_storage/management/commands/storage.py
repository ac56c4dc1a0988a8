"""``manage.py storage``: look at the storages, and what an operator does to them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...backends.base import BaseStorage
from ...exceptions import NotSupported, StorageError
from ...handler import DEFAULT_ALIAS, storages


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

    def handle(self, *args: Any, subcommand: str, **options: Any) -> None:
        method = getattr(self, subcommand.replace("-", "_"))
        try:
            method(**{name: options[name] for name in ("alias", "revision") if name in options})
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


def _standing(storage: BaseStorage) -> str:
    try:
        return f"revision {storage.revision}, log from {storage.oldest}, epoch {storage.epoch}"
    except NotSupported:
        return f"{len(storage.list())} keys"
