"""How the servers of an import go into the document, one by one."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from . import editing
from .document import Document
from .exceptions import InvalidDocument, InvalidServer
from .formats import Imported
from .formats.base import look
from .formats.own import Own
from .types import ServerConfig, fingerprint
from .validation import checked

Mode: TypeAlias = Literal["merge", "replace", "skip"]
Json: TypeAlias = dict[str, Any]

#: where the definitions of ${input:id} are kept, as the Go engine keeps them
INPUTS = ("metadata", "inputs")


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """What an import did, or would do. The tuples hold names of servers."""

    #: that the data had
    format: str
    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    #: they said what the document says already
    unchanged: tuple[str, ...] = ()
    #: they were there, and the mode is skip
    skipped: tuple[str, ...] = ()
    #: they were not in the data, and the mode is replace
    removed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Import:
    """One import: what is taken, and what became of it."""

    imported: Imported
    #: the servers that are taken, by name
    servers: Mapping[str, Json]
    mode: Mode
    source: str
    outcome: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_own(self) -> bool:
        return isinstance(self.imported.format, Own)

    def apply(self, document: Document) -> ImportResult:
        """Do it on the document. May be called again, with another document."""
        self.outcome = {"added": [], "updated": [], "unchanged": [], "skipped": [], "removed": []}
        if self.mode == "replace":
            self._clear(document)
        for name, server in self.servers.items():
            self._put(document, name, server)
        self._put_inputs(document)
        told = {key: tuple(names) for key, names in self.outcome.items()}
        warnings = tuple(self.imported.warnings)
        return ImportResult(format=self.imported.format.name, warnings=warnings, **told)

    def _clear(self, document: Document) -> None:
        """Of the engine's own document, all that is not servers replaces what was there too."""
        gone = [name for name in document.servers if name not in self.servers]
        for name in gone:
            document.remove(name)
        self.outcome["removed"] = gone
        if self.is_own:
            rest = copy.deepcopy(dict(self.imported.rest))
            document.data = {"version": "", "servers": document.servers, **rest}

    def _put(self, document: Document, name: str, server: Json) -> None:
        if name not in document.servers:
            document.insert(name, self._new(name, server))
            self.outcome["added"].append(name)
        elif self.mode == "skip":
            self.outcome["skipped"].append(name)
        else:
            data = document.object_of(name)
            before = fingerprint(data)
            self._update(name, data, server)
            same = fingerprint(data) == before
            if not same and not self.is_own:
                editing.touch(name, data)
            self.outcome["unchanged" if same else "updated"].append(name)

    def _new(self, name: str, server: Json) -> Json:
        if self.is_own:
            return copy.deepcopy(server)
        noted = {"source": self.source, **server.get("internal", {})}
        return editing.new_server(name, config_of(name, server), noted)

    def _update(self, name: str, data: Json, server: Json) -> None:
        replace = self.mode == "replace"
        if self.is_own:
            if replace:
                data.clear()
            data.update(copy.deepcopy(server))
            return
        editing.set_config(data, config_of(name, server), replace=replace)
        if "enabled" in server.get("internal", {}):
            editing.set_enabled(name, data, server["internal"]["enabled"])

    def _put_inputs(self, document: Document) -> None:
        given = [copy.deepcopy(dict(one)) for one in self.imported.inputs]
        if not given:
            return
        ids = {one.get("id") for one in given}
        others = [one for one in inputs_of(document) if one.get("id") not in ids]
        kept = [] if self.mode == "replace" else others
        document.section(INPUTS[0])[INPUTS[1]] = [*kept, *given]


def inputs_of(document: Document) -> list[Json]:
    """The definitions of inputs that the document keeps."""
    found = look(document.data, INPUTS)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def chosen(imported: Imported, whitelist: Collection[str] | None) -> dict[str, Json]:
    """The servers to take; InvalidDocument when one that is wanted is missing or invalid."""
    if whitelist is None:
        taken = dict(imported.servers)
    else:
        if missing := [name for name in whitelist if name not in imported.servers]:
            raise InvalidDocument(f"has no server {', '.join(map(repr, missing))}, to be imported")
        taken = {name: one for name, one in imported.servers.items() if name in whitelist}
    faults = [error for name, one in taken.items() if (error := _fault(name, one))]
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise InvalidDocument(f"{len(faults)} servers are not valid: {'; '.join(map(str, faults))}")
    return taken


def config_of(name: str, server: Json) -> ServerConfig:
    """The configuration of a server's object, checked."""
    return checked(name, {key: part for key, part in server.items() if key != "internal"})


def _fault(name: str, server: Json) -> InvalidServer | None:
    try:
        config_of(name, server)
    except InvalidServer as error:
        return error
    return None
