"""What a destination should contain: its present content, updated with the servers it receives."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ... import serialization
from .. import formats
from ..document import Document
from ..exceptions import DestinationUnavailable, InvalidDocument, InvalidServer
from ..formats.syntax import of_file
from ..json_path import get_at
from ..secrets import mask_both
from ..server import Server, checked
from ..transfer import input_definitions
from . import patch
from .destination import Destination
from .location import Location

Json: TypeAlias = dict[str, Any]
Servers: TypeAlias = Mapping[str, Mapping[str, Any]]

#: where Claude Code keeps its settings of each directory
_PROJECTS = "projects"


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What a sync would change in a destination. The tuples contain names of servers."""

    destination: str
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    #: a unified diff of each server, with masked secrets
    diff: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether any server would be added, changed or removed."""
        return bool(self.added or self.changed or self.removed)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a destination should contain, and how that differs from its present content."""

    preview: Preview
    content: bytes
    #: whether the destination must be written
    needed: bool


def make_plan(
    target: Destination, location: Location, document: Document, keep_others: bool | None = None
) -> Plan:
    """Compare the content of a destination with what it should be.

    Args:
        target: The destination.
        location: Its file or key.
        document: The engine's document.
        keep_others: Whether servers are kept that the destination has, but the engine has not;
            None for the setting ``sync.preserveMissing``.

    Raises:
        DestinationUnavailable: If the present content cannot be parsed, and therefore cannot be
            preserved.
    """
    if keep_others is None:
        keep_others = document.settings.sync.preserve_missing
    warnings = tuple(_warnings(document))
    try:
        return _Planner(target, location, document, keep_others, warnings).plan()
    except InvalidDocument as error:
        name = target.config_path or target.key
        raise DestinationUnavailable(target.name, f"{name}: {error}") from error


class _Planner:
    def __init__(
        self,
        target: Destination,
        location: Location,
        document: Document,
        keep_others: bool,
        warnings: tuple[str, ...],
    ) -> None:
        self.target = target
        self.format = target.format
        self.syntax = of_file(f"x{location.suffix}") or self.format.syntax
        self.content = location.content
        self.text = (location.content or b"").decode("utf-8-sig", errors="replace")
        self.base = self._parsed()
        self.document = document
        self.keep_others = keep_others
        self.warnings = warnings

    def plan(self) -> Plan:
        before: Json = {}
        after: Json = {}
        document: Json = self.base or {}
        for project in self._projects():
            prefix = (_PROJECTS, project) if project else ()
            had, has, inner = self._section(get_at(self.base, prefix), project)
            document = _with(document, prefix, inner)
            before |= {_label(name, project): server for name, server in had.items()}
            after |= {_label(name, project): server for name, server in has.items()}
        same = document == (self.base or {}) or (self.content is None and not after)
        inputs = input_definitions(self.document)
        warnings = (*self.warnings, *self.format.warnings(after, inputs))
        return Plan(
            preview=compare(self.target.name, before, after, warnings),
            content=(self.content or b"") if same else self._written(document),
            needed=not same,
        )

    def _parsed(self) -> Json | None:
        if self.content is None or not self.text.strip():
            return None
        document = formats.loads(self.content, self.syntax, own=True)
        if not isinstance(document, dict):
            raise InvalidDocument("must contain an object")
        return document

    def _projects(self) -> list[str]:
        """Return the sections to write: "" for the top level, then projects, as Go does.

        A project is written if both the client and the engine know it.
        """
        known = get_at(self.base, (_PROJECTS,)) if self.target.supports_projects else None
        ours = {server.internal.project_path for server in self.document.list()}
        found = known if isinstance(known, dict) else {}
        return [
            "",
            *(path for path, one in found.items() if path in ours and isinstance(one, dict)),
        ]

    def _section(self, base: Json | None, project: str) -> tuple[Json, Json, Json]:
        """Return the servers that a section has and should have, and the new section."""
        had = self._before(base)
        selected = self.target.select(_usable(self.document), project)
        wanted: Json = {name: self.document.raw(one.name) for name, one in selected.items()}
        # Servers that are there already keep their positions.
        present: Json = {name: wanted.get(name, had[name]) for name in had}
        if not self.keep_others:
            present = {name: server for name, server in present.items() if name in wanted}
        inputs = () if project else input_definitions(self.document)
        inner = self.format.render({**present, **wanted}, inputs=inputs, base=base)
        return had, dict(self.format.parse(inner).servers), inner

    def _before(self, base: Json | None) -> Json:
        if not base:
            return {}
        if get_at(base, self.format.path) is None:
            self._check_not_another(base)
            return {}
        return dict(self.format.parse(base).servers)

    def _check_not_another(self, base: Json) -> None:
        """Refuse a file of another format: its client would not read the servers written here."""
        try:
            found = formats.detect(base)
        except InvalidDocument:
            return
        if found.path == self.format.path:
            return
        raise InvalidDocument(f"this is {found.title}, not {self.format.title}")

    def _written(self, document: Json) -> bytes:
        paths = [self.format.path, self.format.inputs_path]
        paths += [(_PROJECTS, project, *self.format.path) for project in self._projects()[1:]]
        text = patch.patch(self.text, document, paths, self.syntax) if self.base else None
        if text is None:
            text = formats.dumps(document, self.syntax, own=True)
        return (text if text.endswith("\n") else f"{text}\n").encode()


def compare(
    destination: str, before: Servers, after: Servers, warnings: tuple[str, ...] = ()
) -> Preview:
    """Compare the servers that a destination has with those that it should have."""
    both = [name for name in after if name in before]
    return Preview(
        destination=destination,
        added=tuple(name for name in after if name not in before),
        changed=tuple(name for name in both if before[name] != after[name]),
        removed=tuple(name for name in before if name not in after),
        unchanged=tuple(name for name in both if before[name] == after[name]),
        diff=diff(before, after),
        warnings=warnings,
    )


def diff(before: Servers, after: Servers) -> str:
    """Return a unified diff of each server that differs, as JSON with masked secrets."""
    old, new = mask_both(before, after)
    names = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return "\n".join(
        line for name in names for line in _server_diff(name, old.get(name), new.get(name))
    )


def _server_diff(name: str, old: Any, new: Any) -> Iterator[str]:
    title_before, title_after = ("(none)" if side is None else name for side in (old, new))
    return difflib.unified_diff(_lines(old), _lines(new), title_before, title_after, lineterm="")


def _lines(server: Any) -> list[str]:
    return [] if server is None else serialization.dumps(server).splitlines()


def _with(document: Json, path: Sequence[str], value: Json) -> Json:
    """Return a copy of ``document`` with another object at ``path``."""
    if not path:
        return value
    return {**document, path[0]: _with(document[path[0]], path[1:], value)}


def _label(name: str, project: str) -> str:
    return f"{name} ({project})" if project else name


def _usable(document: Document) -> list[Server]:
    return [server for server in document.list() if not _faults(server)]


def _warnings(document: Document) -> Iterator[str]:
    for server in document.list():
        if server.enabled and (faults := _faults(server)):
            yield f"the server {server.name!r} is left out: {'; '.join(faults)}"


def _faults(server: Server) -> tuple[str, ...]:
    if server.problems:
        return server.problems
    try:
        checked(server.name, server.config)
    except InvalidServer as error:
        return error.problems
    return ()
