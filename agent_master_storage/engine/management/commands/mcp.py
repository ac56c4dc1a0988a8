"""``manage.py mcp``: MCP server configurations on the command line."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from .... import serialization as wire
from ....actor import actor
from ....exceptions import StorageError
from ....handler import storages
from ... import Engine, formats
from ... import representations as faces
from ...destinations import files
from ...destinations.destination import DEFAULT_FORMAT
from ...destinations.sync import SyncResult
from ...exceptions import InvalidDocument
from ...secrets import advice, mask
from ...servers import remove_servers, set_servers_enabled
from .. import arguments, output

#: of the changes it makes
ACTOR = "manage.py mcp"


class Command(BaseCommand):
    """Each subcommand is a method of its name, with an underscore behind it."""

    help = "Manages MCP server configurations: servers, import, export, destinations, backups."

    def add_arguments(self, parser: CommandParser) -> None:
        subparsers = parser.add_subparsers(dest="subcommand", required=True)
        arguments.add_all(arguments.Commands(subparsers))

    def handle(self, *args: Any, subcommand: str, alias: str, json: bool, **options: Any) -> None:
        if alias not in storages:
            raise CommandError(f"there is no storage {alias!r}; there are {', '.join(storages)}")
        self.engine = Engine(storage=storages[alias])
        self.json = json
        try:
            with actor(ACTOR):
                getattr(self, subcommand.replace("-", "_") + "_")(options)
        except StorageError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename or 'I/O'}: {error.strerror}") from error

    def say(self, text: str, face: Any) -> None:
        """Print what was asked for: text for people or JSON for programs."""
        self.stdout.write(output.as_json(face) if self.json else text)

    # Servers

    def list_(self, options: dict[str, Any]) -> None:
        names = ("enabled", "transport", "source", "name_pattern", "sync_targets", "tags")
        found = self.engine.list_servers(**{name: options[name] for name in names})
        secrets = options["show_secrets"]
        self.say(
            output.servers(found, secrets=secrets),
            [faces.server(server, secrets=secrets) for server in found],
        )

    def show_(self, options: dict[str, Any]) -> None:
        server = self.engine.get_server(options["name"])
        face = faces.server(server, secrets=options["show_secrets"])
        parts = {name: face[name] for name in ("config", "internal")}
        self.say(output.as_json({**parts["config"], "internal": parts["internal"]}), face)
        for problem in server.problems:
            self.stderr.write(f"problem: {problem}")
        for one in advice(server.config.to_dict()):
            self.stderr.write(f"advice: {one}")

    def add_(self, options: dict[str, Any]) -> None:
        config = _config(options)
        internal = {
            field: options[option]
            for option, field in (("sync_targets", "syncTargets"), ("tags", "tags"))
            if options[option]
        }
        if options["disabled"]:
            internal["enabled"] = False
        noted = {**config.pop("internal", {}), **internal}
        server = self.engine.add_server(options["name"], config, internal=noted)
        self.say(f"added {server.name}", faces.server(server))
        for one in advice(server.config.to_dict()):
            self.stderr.write(f"advice: {one}")

    def enable_(self, options: dict[str, Any]) -> None:
        self._set_enabled(options["names"], True)

    def disable_(self, options: dict[str, Any]) -> None:
        self._set_enabled(options["names"], False)

    def _set_enabled(self, names: list[str], enabled: bool) -> None:
        changed = [server.name for server in set_servers_enabled(self.engine, names, enabled)]
        word = "enabled" if enabled else "disabled"
        same = [name for name in names if name not in changed]
        lines = [f"{word} {name}" for name in changed]
        lines += [f"{name} is {word} already" for name in same]
        self.say("\n".join(lines), {word: changed, "unchanged": same})

    def remove_(self, options: dict[str, Any]) -> None:
        removed = [one.name for one in remove_servers(self.engine, dict.fromkeys(options["names"]))]
        self.say("\n".join(f"removed {name}" for name in removed), {"removed": removed})

    def rename_(self, options: dict[str, Any]) -> None:
        server = self.engine.rename_server(options["name"], options["new_name"])
        self.say(f"renamed {options['name']} to {server.name}", faces.server(server))

    # Import and export

    def import_(self, options: dict[str, Any]) -> None:
        dry_run = options["dry_run"]
        result = self.engine.import_config(
            _read(options["file"]),
            options["format"],
            options["mode"],
            options["only"],
            syntax=options["syntax"],
            path=options["file"],
            environment=os.environ if options["substitute"] else None,
            dry_run=dry_run,
        )
        face = faces.imported(result, dry_run=dry_run)
        self.say(output.imported(result, dry_run=dry_run), face)

    def export_(self, options: dict[str, Any]) -> None:
        named = options["format"] or formats.of_file(options["file"])
        format = formats.get(named or DEFAULT_FORMAT)
        syntax = options["syntax"] or format.syntax
        exported = self.engine.export_config(
            format,
            syntax=syntax,
            names=options["only"],
            include_disabled=options["include_disabled"],
            environment=os.environ if options["substitute"] else None,
        )
        for warning in exported.warnings:
            self.stderr.write(f"warning: {warning}")
        text: str = exported
        if options["masked"]:
            text = formats.dumps(mask(formats.loads(text, syntax)), syntax)
        if options["file"] == "-":
            self.stdout.write(text)
            return
        path = Path(options["file"]).absolute()
        files.replace(files.read(path), text.encode())
        self.say(f"wrote {path}", {"path": str(path), "format": format.name, "syntax": syntax})

    # Destinations

    def destinations_(self, options: dict[str, Any]) -> None:
        found = self.engine.list_destinations()
        self.say(output.destinations(found), [faces.destination(one) for one in found])

    def add_destination_(self, options: dict[str, Any]) -> None:
        path = options["path"] and str(Path(options["path"]).expanduser().absolute())
        made = self.engine.add_destination(options["name"], path, options["format"])
        self.say(f"added {made.name}: {made.config_path or made.key}", faces.destination(made))

    def remove_destination_(self, options: dict[str, Any]) -> None:
        gone = self.engine.remove_destination(options["name"])
        self.say(f"forgot {gone.name}", faces.destination(gone))

    def preview_(self, options: dict[str, Any]) -> None:
        names = options["names"] or [one.name for one in self.engine.list_destinations()]
        keep = options["keep_others"]
        found = [self.engine.preview(name, keep_others=keep) for name in names]
        lines = [line for one in found for line in output.preview(one)]
        self.say("\n".join(lines) or "no destinations", [faces.preview(one) for one in found])

    def sync_(self, options: dict[str, Any]) -> None:
        if options["follow"]:
            self._follow(options["names"] or None)
            return
        results = self.engine.sync_all(
            options["names"] or None,
            dry_run=options["dry_run"],
            backup=False if options["no_backup"] else None,
            keep_others=options["keep_others"],
        )
        self._tell(results)
        failed = [result.destination for result in results if not result.success]
        if failed:
            raise CommandError(f"failed: {', '.join(failed)}")

    def _follow(self, names: list[str] | None) -> None:
        stopped = threading.Event()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda *_: stopped.set())
        with self.engine.auto_sync(names, on_sync=self._tell):
            try:
                stopped.wait()
            except KeyboardInterrupt:
                return

    def _tell(self, results: list[SyncResult]) -> None:
        text = "\n".join(map(output.synced, results)) or "no destinations"
        self.say(text, [faces.synced(result) for result in results])
        self.stdout.flush()

    # Backups

    def backup_(self, options: dict[str, Any]) -> None:
        made = self.engine.create_backup(options["description"])
        self.say(made.id, faces.backup(made))

    def backups_(self, options: dict[str, Any]) -> None:
        found = self.engine.list_backups()
        self.say(output.backups(found), [faces.backup(one) for one in found])

    def restore_(self, options: dict[str, Any]) -> None:
        made = self.engine.restore_backup(options["id"])
        text = f"restored {options['id']}; what it replaced is {made.id}"
        self.say(text, {"restored": options["id"], "backup": faces.backup(made)})


def _config(options: dict[str, Any]) -> dict[str, Any]:
    """The configuration that the arguments say; CommandError when they say two."""
    if options["config"]:
        if any(options[name] for name in ("words", "url", "env", "header", "transport")):
            raise CommandError("--config says all that other options would")
        found = wire.loads(_read(options["config"]))
        if not isinstance(found, dict):
            raise InvalidDocument("the configuration must be a JSON object")
        return found
    command, *rest = options["words"] or [""]
    given = {
        "transport": options["transport"],
        "command": command,
        "args": rest,
        "env": _pairs(options["env"]),
        "url": options["url"],
        "headers": _pairs(options["header"]),
    }
    return {name: value for name, value in given.items() if value}


def _pairs(found: Iterable[tuple[str, str] | str]) -> dict[str, str]:
    """Given by Python code, they may still be texts."""
    return dict(arguments.pair(one) if isinstance(one, str) else one for one in found)


def _read(name: str) -> bytes:
    if name != "-":
        return Path(name).read_bytes()
    data = getattr(sys.stdin, "buffer", sys.stdin).read()
    return data if isinstance(data, bytes) else data.encode()
