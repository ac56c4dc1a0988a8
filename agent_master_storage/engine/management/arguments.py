"""The arguments of ``manage.py mcp``, a function for each group of subcommands."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Sequence
from typing import Any, get_args

from ...handler import DEFAULT_ALIAS
from .. import formats
from ..server import TRANSPORTS
from ..transfer import Mode

_SYNTAXES = {"choices": formats.SYNTAXES, "help": "of the text; unless given, told by the data"}
_FORMATS = f"{', '.join(formats.names())}; unless given, told by the path or the data"


class Commands:
    """Makes subcommands that all have --alias and --json."""

    def __init__(self, subparsers: Any) -> None:
        self._subparsers = subparsers

    def add(self, name: str, help: str) -> Any:
        """A parser for the subcommand."""
        parser = self._subparsers.add_parser(name, help=help, description=help)
        parser.add_argument("--alias", default=DEFAULT_ALIAS, help="the storage; default")
        parser.add_argument("--json", action="store_true", help="print JSON, for programs")
        return parser


def add_all(commands: Commands) -> None:
    """Every subcommand."""
    _servers(commands)
    _adding(commands)
    _transfer(commands)
    _destinations(commands)
    _backups(commands)


def _servers(commands: Commands) -> None:
    listing = commands.add("list", "list the servers")
    enabled = listing.add_mutually_exclusive_group()
    enabled.add_argument("--enabled", action="store_true", default=None, dest="enabled")
    enabled.add_argument("--disabled", action="store_false", default=None, dest="enabled")
    listing.add_argument("--transport", choices=TRANSPORTS)
    listing.add_argument("--source", help="what it came from: user, import ...")
    listing.add_argument("--name", dest="name_pattern", help="a shell pattern, as 'git*'")
    listing.add_argument("--sync-target", action="append", dest="sync_targets", metavar="NAME")
    listing.add_argument("--tag", action="append", dest="tags", metavar="TAG")
    _show_secrets(listing)
    show = commands.add("show", "show one server, and advice about it")
    show.add_argument("name")
    _show_secrets(show)
    for name in ("enable", "disable", "remove"):
        parser = commands.add(name, f"{name} servers, all of them or none")
        parser.add_argument("names", nargs="+", metavar="name")
    rename = commands.add("rename", "give a server another name")
    rename.add_argument("name")
    rename.add_argument("new_name")


def _adding(commands: Commands) -> None:
    add = commands.add("add", "add a server: mcp add files -- npx -y server-files, or --url URL")
    add.add_argument("name")
    add.add_argument("words", nargs="*", metavar="command", help="and its arguments, after --")
    _take_after_dashes(add)
    add.add_argument("--transport", choices=TRANSPORTS)
    add.add_argument("--url")
    add.add_argument("--env", action="append", type=pair, default=[], metavar="NAME=VALUE")
    add.add_argument("--header", action="append", type=pair, default=[], metavar="NAME=VALUE")
    add.add_argument("--config", metavar="FILE", help="its JSON object instead; - is stdin")
    add.add_argument("--disabled", action="store_true")
    add.add_argument("--sync-target", action="append", dest="sync_targets", metavar="NAME")
    add.add_argument("--tag", action="append", dest="tags", metavar="TAG")


def _transfer(commands: Commands) -> None:
    take = commands.add("import", "take over the servers of a client's configuration")
    take.add_argument("file", nargs="?", default="-", help="JSON, YAML or TOML; - is stdin")
    take.add_argument("--mode", choices=get_args(Mode), default="merge")
    take.add_argument("--dry-run", action="store_true", help="tell what would be done")
    give = commands.add("export", "write the servers as a client's configuration")
    give.add_argument("file", nargs="?", default="-", help="replaced at once; - is stdout")
    give.add_argument("--include-disabled", action="store_true")
    give.add_argument(
        "--masked", action="store_true", help="secrets hidden: for people, of no use to a client"
    )
    for parser in (take, give):
        parser.add_argument("--format", metavar="NAME", help=_FORMATS)
        parser.add_argument("--syntax", **_SYNTAXES)
        parser.add_argument("--only", action="append", metavar="NAME", help="only this server")
        parser.add_argument(
            "--substitute",
            action="store_true",
            help="put this process's environment variables in place of ${VAR}",
        )


def _destinations(commands: Commands) -> None:
    commands.add("destinations", "list the destinations")
    add = commands.add("add-destination", "remember a file, or a key, that gets the servers")
    add.add_argument("name")
    add.add_argument("path", nargs="?", default="", help="of the file; none: a key")
    add.add_argument("--format", default="", metavar="NAME", help=_FORMATS)
    remove = commands.add("remove-destination", "forget a destination; what is there stays")
    remove.add_argument("name")
    preview = commands.add("preview", "show what a sync would change")
    preview.add_argument("names", nargs="*", metavar="destination")
    sync = commands.add("sync", "write the servers to destinations, all that are enabled")
    sync.add_argument("names", nargs="*", metavar="destination")
    sync.add_argument("--dry-run", action="store_true", help="tell what would be done")
    sync.add_argument("--no-backup", action="store_true", help="copy no file before")
    sync.add_argument("--follow", action="store_true", help="go on after every change")
    for parser in (preview, sync):
        parser.add_argument(
            "--keep-others",
            action="store_true",
            default=None,
            help="leave servers that only the destination has",
        )


def _backups(commands: Commands) -> None:
    backup = commands.add("backup", "keep the document as it stands")
    backup.add_argument("--description", default="")
    commands.add("backups", "list the backups, the newest first")
    restore = commands.add("restore", "make a backup the present document")
    restore.add_argument("id")


def _show_secrets(parser: Any) -> None:
    parser.add_argument("--show-secrets", action="store_true", help="do not mask them")


def _take_after_dashes(parser: Any) -> None:
    """Let all that stands behind ``--`` be words, where options stand before it too.

    argparse itself ends the words at the first option, and then finds no place for the rest.
    """
    parse = parser.parse_known_args

    def split(args: Sequence[str], namespace: Any = None) -> tuple[Any, list[str]]:
        given = list(args)
        end = given.index("--") if "--" in given else len(given)
        found, rest = parse(given[:end], namespace)
        found.words = [*found.words, *given[end + 1 :]]
        return found, rest

    parser.parse_known_args = split


def pair(text: str) -> tuple[str, str]:
    """``NAME=VALUE``, or ``Name: value`` as headers are written."""
    for sign in ("=", ":"):
        name, found, value = text.partition(sign)
        if found and name.strip() and " " not in name.strip():
            return name.strip(), value if sign == "=" else value.strip()
    raise ArgumentTypeError("must be NAME=VALUE")
