"""What ``manage.py mcp`` prints for people; for programs there are the faces of the engine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .. import Server
from ..backups import Backup
from ..destinations.destination import Destination
from ..destinations.plan import Preview
from ..destinations.sync import SyncResult
from ..secrets import mask_config
from ..transfer import ImportResult

_DONE = ("added", "updated", "unchanged", "skipped", "removed")


def as_json(document: Any) -> str:
    """JSON with an indent of two; what UTF-8 can't hold as an escape."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(document, indent=2)
    return text


def servers(found: Iterable[Server], *, secrets: bool) -> str:
    """A line for each."""
    rows = [
        (
            server.name,
            "on" if server.enabled else "off",
            server.transport,
            _reached(server, secrets) + ("  (broken)" if server.problems else ""),
        )
        for server in found
    ]
    return columns(rows) if rows else "no servers"


def _reached(server: Server, secrets: bool) -> str:
    config = server.config.to_dict()
    shown = config if secrets else mask_config(config)
    if server.transport == "stdio":
        return " ".join([shown.get("command", ""), *shown.get("args", [])])
    return str(shown.get("url", ""))


def imported(result: ImportResult, *, dry_run: bool) -> str:
    """A line for each outcome that there was."""
    outcomes = {outcome: getattr(result, outcome) for outcome in _DONE}
    return "\n".join(
        [
            f"read as {result.format}{'; nothing was changed' if dry_run else ''}",
            *(f"{outcome}: {', '.join(names)}" for outcome, names in outcomes.items() if names),
            *(f"warning: {warning}" for warning in result.warnings),
        ]
    )


def destinations(found: Iterable[Destination]) -> str:
    """A line for each."""
    rows = [
        (one.name, "on" if one.enabled else "off", one.config_format, one.config_path or one.key)
        for one in found
    ]
    return columns(rows) if rows else "no destinations"


def preview(found: Preview) -> Iterator[str]:
    """What would change, with a diff in which no secret shows."""
    for outcome in ("added", "changed", "removed"):
        if names := getattr(found, outcome):
            yield f"{found.destination}: {outcome}: {', '.join(names)}"
    if not found.differs:
        yield f"{found.destination}: nothing to do"
    if found.diff:
        yield found.diff
    yield from (f"warning: {warning}" for warning in found.warnings)


def synced(result: SyncResult) -> str:
    """One line, and one for each warning."""
    return "\n".join([_outcome(result), *(f"warning: {one}" for one in result.warnings)])


def _outcome(result: SyncResult) -> str:
    if not result.success:
        return f"{result.destination}: failed: {'; '.join(e['error'] for e in result.errors)}"
    if not result.written:
        return f"{result.destination}: nothing to do"
    counts = (
        f"{result.servers_added} added, {result.servers_updated} updated,"
        f" {result.servers_removed} removed"
    )
    return f"{result.destination}: {'would write: ' if result.dry_run else ''}{counts}"


def backups(found: Iterable[Backup]) -> str:
    """A line for each."""
    rows = [(one.id, one.type, f"{one.size} bytes", one.description) for one in found]
    return columns(rows) if rows else "no backups"


def columns(rows: Sequence[Sequence[str]]) -> str:
    """The rows, aligned, without spaces at the end of a line."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
