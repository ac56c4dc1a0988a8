"""What a format is: where its servers stand in a document, and how one of them is spelled.

A new one is a subclass in a file of its own, entered in ``registry.py``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .. import json_path
from ..exceptions import InvalidDocument
from ..json_path import get_at
from ..variables import references
from . import limits
from . import spelling as servers
from .spelling import Spelling, kind

Json = dict[str, Any]
Names = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What a document held.

    A server has the keys of the stored document (``transport``, ``command``, ``args``, ``env``,
    ``url``, ``headers``), then those that the client alone knows, as they were. One that the
    client had switched off or on says so under ``internal.enabled``, and nothing else does.
    """

    format: Format
    #: by name, in the order of the document
    servers: Mapping[str, Json] = field(repr=False)
    #: definitions that ``${input:id}`` refers to
    inputs: Sequence[Json] = field(default=(), repr=False)
    #: of the engine's own document alone
    settings: Json = field(default_factory=dict, repr=False)
    #: the document without its servers and inputs: give it back as ``base`` of render()
    rest: Json = field(default_factory=dict, repr=False)
    #: what was read as something a little different from what was written
    warnings: Sequence[str] = ()


class Format:
    """One kind of document. Stateless; there is one instance of each."""

    #: the word for it in Python, REST and commands
    name: ClassVar[str]
    #: for people
    title: ClassVar[str]
    #: clients that read it, each of which is a name of the format too
    clients: ClassVar[Names] = ()
    #: how the paths of such files end
    files: ClassVar[Names] = ()
    #: what such files are written in
    syntax: ClassVar[str] = "json"
    #: keys that lead to the servers; none: the document is the servers
    path: ClassVar[Names] = ()
    #: keys that lead to definitions of inputs; none: there is no place for them
    inputs_path: ClassVar[Names] = ()
    #: what URLs of servers may begin with
    schemes: ClassVar[Names] = ("http", "https")
    #: of one server; see ``servers.py``
    spelling: ClassVar[Spelling] = Spelling()

    def __repr__(self) -> str:
        return f"<Format {self.name}>"

    # Reading

    def recognises(self, document: Mapping[str, Any]) -> bool:
        """Whether a document with something at ``path`` is of this format, or of its parent's."""
        return True

    def parse(self, document: Mapping[str, Any]) -> Imported:
        """Read a document of this format; InvalidDocument with the place of a fault."""
        where = json_path.join(self.path)
        raw = self.container(document)
        limits.check_servers(len(raw), where)
        warnings: list[str] = []
        found = {
            name: self.read_server(server, json_path.under(where, name), warnings)
            for name, server in raw.items()
            if not self.is_foreign(name, server)
        }
        inputs = self.read_inputs(document)
        return Imported(
            format=self,
            servers=found,
            inputs=inputs,
            settings=self.read_settings(document),
            rest=self.read_rest(document),
            warnings=(*warnings, *(self._undefined(found, inputs) if self.inputs_path else ())),
        )

    def container(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """The object that the servers stand in; InvalidDocument when there is none."""
        found = get_at(document, self.path)
        where = json_path.join(self.path)
        if isinstance(found, Mapping):
            return found
        if found is None:
            raise InvalidDocument(f"the document has nothing at {where!r}: it is not {self.title}")
        raise InvalidDocument(f"must be an object from name to server, not {kind(found)}", where)

    def is_foreign(self, name: str, raw: Any) -> bool:
        """Whether a member of the container is something else than an MCP server."""
        return False

    def read_server(self, raw: Any, where: str, warnings: list[str]) -> Json:
        """One server in the words of the stored document."""
        return servers.read(raw, self.spelling, where, warnings)

    def read_inputs(self, document: Mapping[str, Any]) -> list[Json]:
        """The definitions of inputs, of which each has an id of its own."""
        found = get_at(document, self.inputs_path) if self.inputs_path else None
        return [] if found is None else _checked_inputs(found, json_path.join(self.inputs_path))

    def read_settings(self, document: Mapping[str, Any]) -> Json:
        """Settings of the engine; clients have none."""
        return {}

    def read_rest(self, document: Mapping[str, Any]) -> Json:
        """The document without what was read from it."""
        rest = copy.deepcopy(dict(document))
        kept = self._foreign(get_at(rest, self.path))
        if not self.path:
            return kept
        for path in filter(None, (self.path, self.inputs_path)):
            _remove(rest, path)
        if kept:
            _put(rest, self.path, kept)
        return rest

    # Writing

    def render(
        self,
        given: Mapping[str, Mapping[str, Any]],
        *,
        inputs: Iterable[Mapping[str, Any]] = (),
        base: Mapping[str, Any] | None = None,
    ) -> Json:
        """A document with these servers; ``base`` is the one that is there already.

        What else stands in ``base`` is kept, and so are keys of its servers that the stored
        document has no word for. A server that says the same as before stays as it was spelled.
        """
        document = copy.deepcopy(dict(base or {}))
        before = get_at(document, self.path)
        before = before if isinstance(before, Mapping) else {}
        written = self._foreign(before) | {
            name: self._write_onto(before.get(name), server, name) for name, server in given.items()
        }
        if not self.path:
            return written
        _put(document, self.path, written)
        self._put_inputs(document, [copy.deepcopy(dict(one)) for one in inputs])
        return document

    def write_server(self, server: Mapping[str, Any]) -> Json:
        """One server as the client spells it."""
        return servers.write(server, self.spelling)

    def warnings(
        self, given: Mapping[str, Mapping[str, Any]], inputs: Iterable[Mapping[str, Any]] = ()
    ) -> list[str]:
        """What a client of this format will not make sense of, when these servers go to it."""
        told = {
            name: {key: part for key, part in server.items() if key not in _UNTOLD}
            for name, server in given.items()
        }
        return [*self._undefined(told, inputs), *self._unreachable(told)]

    def _undefined(
        self, found: Mapping[str, Json], inputs: Iterable[Mapping[str, Any]]
    ) -> Iterator[str]:
        """References to inputs that nobody will ask for."""
        ids = {one.get("id") for one in inputs} if self.inputs_path else set()
        why = "it is not defined" if self.inputs_path else f"{self.title} has no inputs"
        for place, reference in references(found, json_path.join(self.path)):
            if reference.kind == "input" and reference.name not in ids:
                yield f"{place} refers to the input {reference.name!r}: {why}"

    def _unreachable(self, found: Mapping[str, Json]) -> Iterator[str]:
        for name, server in found.items():
            scheme, sign, _ = str(server.get("url", "")).partition("://")
            if sign and "$" not in scheme and scheme.lower() not in self.schemes:
                place = json_path.under(json_path.join(self.path), name, "url")
                yield f"{place} begins with {scheme}://: {self.title} has no such addresses"

    def _foreign(self, container: Mapping[str, Any]) -> Json:
        return {name: part for name, part in container.items() if self.is_foreign(name, part)}

    def _write_onto(self, before: Any, server: Mapping[str, Any], name: str) -> Json:
        written = copy.deepcopy(self.write_server(server))
        if not isinstance(before, Mapping):
            return written
        where = json_path.under(json_path.join(self.path), name)
        if self._meaning(before, where) == self._meaning(written, where):
            return copy.deepcopy(dict(before))
        foreign = {key: part for key, part in before.items() if key not in self.spelling.known}
        return {**written, **{k: v for k, v in foreign.items() if k not in written}}

    def _meaning(self, raw: Mapping[str, Any], where: str) -> Any:
        """What a server says, however it is spelled; one that says nothing of it is enabled."""
        try:
            read = self.read_server(raw, where, [])
        except InvalidDocument:
            return None
        read["transport"] = servers.usual_transport(read["transport"])
        return {key: part for key, part in read.items() if part != {"enabled": True}}

    def _put_inputs(self, document: Json, inputs: list[Json]) -> None:
        if not inputs or not self.inputs_path:
            return
        ids = {one.get("id") for one in inputs}
        found = get_at(document, self.inputs_path)
        others = found if isinstance(found, list) else []
        kept = [one for one in others if not isinstance(one, dict) or one.get("id") not in ids]
        _put(document, self.inputs_path, [*kept, *inputs])


#: what the engine notes, which goes to no client
_UNTOLD = ("internal", "metadata")


def _checked_inputs(found: Any, where: str) -> list[Json]:
    if not isinstance(found, list):
        raise InvalidDocument(f"must be a list, not {kind(found)}", where)
    ids: set[str] = set()
    for index, one in enumerate(found):
        place = json_path.under(where, index)
        if not isinstance(one, Mapping):
            raise InvalidDocument(f"must be an object, not {kind(one)}", place)
        id = one.get("id")
        if not isinstance(id, str) or not id:
            raise InvalidDocument("must have an id, a string", place)
        if id in ids:
            raise InvalidDocument(f"the id {id!r} stands twice", place)
        ids.add(id)
    return [copy.deepcopy(dict(one)) for one in found]


def _put(document: Json, path: Sequence[str], value: Any) -> None:
    *parents, last = path
    for index, key in enumerate(parents):
        inner = document.get(key)
        if inner is None:
            inner = document[key] = {}
        if not isinstance(inner, dict):
            where = json_path.join(path[: index + 1])
            raise InvalidDocument(f"must be an object, not {kind(inner)}", where)
        document = inner
    found = document.get(last)
    if found is not None and type(found) is not type(value):
        raise InvalidDocument(f"must be {kind(value)}, not {kind(found)}", json_path.join(path))
    document[last] = value


def _remove(document: Json, path: Sequence[str]) -> None:
    parent = get_at(document, path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1], None)
