"""What a destination is to hold: its text now, and the servers that go there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from . import formats, patching
from .destinations import Destination
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
        self.name = target.name
        self.format = target.format
        self.syntax = of_file(f"x{place.suffix}") or self.format.syntax
        self.content = place.content
        self.text = (place.content or b"").decode("utf-8-sig", errors="replace")
        self.base = self._parsed()
        self.inputs = inputs_of(document)
        self.servers = {
            name: document.raw(server.name)
            for name, server in target.takes(_usable(document)).items()
        }
        self.keep_others = keep_others
        self.warnings = warnings

    def plan(self) -> Plan:
        before = self._before()
        document = self.format.render(self._ordered(before), inputs=self.inputs, base=self.base)
        after = self.format.parse(document).servers
        same = document == (self.base or {}) or (self.content is None and not after)
        return Plan(
            preview=compare(self.name, before, after, self.warnings),
            content=(self.content or b"") if same else self._written(document),
            needed=not same,
        )

    def _parsed(self) -> Json | None:
        if self.content is None or not self.text.strip():
            return None
        document = formats.loads(self.content, self.syntax)
        if not isinstance(document, dict):
            raise InvalidDocument("holds no object")
        return document

    def _before(self) -> Json:
        if not self.base:
            return {}
        if look(self.base, self.format.path) is None:
            self._check_not_another(self.base)
            return {}
        return dict(self.format.parse(self.base).servers)

    def _check_not_another(self, base: Json) -> None:
        """Two sets of servers in one file, of which the client reads the other, help nobody."""
        try:
            found = formats.detect(base)
        except InvalidDocument:
            return
        if found.path == self.format.path:
            return
        raise InvalidDocument(f"this is {found.title}, not {self.format.title}")

    def _ordered(self, before: Json) -> Json:
        """Those that are there stay in their place."""
        there = {name: self.servers.get(name, before[name]) for name in before}
        if not self.keep_others:
            there = {name: server for name, server in there.items() if name in self.servers}
        return {**there, **self.servers}

    def _written(self, document: Json) -> bytes:
        places = (self.format.path, self.format.inputs_path)
        text = patching.patch(self.text, document, places, self.syntax) if self.base else None
        if text is None:
            text = formats.dumps(document, self.syntax)
        return (text if text.endswith("\n") else f"{text}\n").encode()


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
