"""What a destination is to hold: its text now, and the servers that go there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from . import formats, patching
from .destination import Destination
from .document import Document
from .exceptions import DestinationUnavailable, InvalidDocument, InvalidServer
from .formats.base import look
from .formats.syntax import of_file
from .importing import inputs_of
from .places import Place
from .preview import Preview, compare
from .types import Server
from .validation import checked

Json: TypeAlias = dict[str, Any]

#: where Claude Code keeps what it knows about each folder
_PROJECTS = "projects"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a destination is to hold, and how that differs from what it holds."""

    preview: Preview
    content: bytes
    #: whether it must be written
    needed: bool


def plan(
    target: Destination, place: Place, document: Document, keep_others: bool | None = None
) -> Plan:
    """Compare; DestinationUnavailable when what is there can't be read and so not be kept."""
    if keep_others is None:
        keep_others = document.settings.sync.preserve_missing
    warnings = tuple(_warnings(document))
    try:
        return _Planned(target, place, document, keep_others, warnings).plan()
    except InvalidDocument as error:
        at = target.config_path or target.key
        raise DestinationUnavailable(target.name, f"{at}: {error}") from error


class _Planned:
    def __init__(
        self,
        target: Destination,
        place: Place,
        document: Document,
        keep_others: bool,
        warnings: tuple[str, ...],
    ) -> None:
        self.target = target
        self.format = target.format
        self.syntax = of_file(f"x{place.suffix}") or self.format.syntax
        self.content = place.content
        self.text = (place.content or b"").decode("utf-8-sig", errors="replace")
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
            had, has, inner = self._section(look(self.base, prefix), project)
            document = _with(document, prefix, inner)
            before |= {_label(name, project): server for name, server in had.items()}
            after |= {_label(name, project): server for name, server in has.items()}
        same = document == (self.base or {}) or (self.content is None and not after)
        warnings = (*self.warnings, *self.format.warnings(after, inputs_of(self.document)))
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
            raise InvalidDocument("holds no object")
        return document

    def _projects(self) -> list[str]:
        """Empty for all together, then the projects that the client knows, as Go has it."""
        known = look(self.base, (_PROJECTS,)) if self.target.supports_projects else None
        ours = {server.internal.project_path for server in self.document.list()}
        found = known if isinstance(known, dict) else {}
        return [
            "",
            *(path for path, one in found.items() if path in ours and isinstance(one, dict)),
        ]

    def _section(self, base: Json | None, project: str) -> tuple[Json, Json, Json]:
        """What a part of the file has and is to have, as servers, and the part itself."""
        had = self._before(base)
        taken = self.target.takes(_usable(self.document), project)
        wanted: Json = {name: self.document.raw(server.name) for name, server in taken.items()}
        # Those that are there stay in their place.
        there: Json = {name: wanted.get(name, had[name]) for name in had}
        if not self.keep_others:
            there = {name: server for name, server in there.items() if name in wanted}
        inputs = () if project else inputs_of(self.document)
        inner = self.format.render({**there, **wanted}, inputs=inputs, base=base)
        return had, dict(self.format.parse(inner).servers), inner

    def _before(self, base: Json | None) -> Json:
        if not base:
            return {}
        if look(base, self.format.path) is None:
            self._check_not_another(base)
            return {}
        return dict(self.format.parse(base).servers)

    def _check_not_another(self, base: Json) -> None:
        """Two sets of servers in one file, of which the client reads the other, help nobody."""
        try:
            found = formats.detect(base)
        except InvalidDocument:
            return
        if found.path == self.format.path:
            return
        raise InvalidDocument(f"this is {found.title}, not {self.format.title}")

    def _written(self, document: Json) -> bytes:
        places = [self.format.path, self.format.inputs_path]
        places += [(_PROJECTS, project, *self.format.path) for project in self._projects()[1:]]
        text = patching.patch(self.text, document, places, self.syntax) if self.base else None
        if text is None:
            text = formats.dumps(document, self.syntax, own=True)
        return (text if text.endswith("\n") else f"{text}\n").encode()


def _with(document: Json, path: Sequence[str], value: Json) -> Json:
    """``document`` with another object at ``path``; the one that was given stays as it is."""
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
