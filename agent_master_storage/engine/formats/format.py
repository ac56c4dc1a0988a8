"""``Format``: where the servers are in a kind of document, and how one of them is written.

A new format is a subclass in ``clients.py`` that is listed in ``registry.py``.
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
from .server_keys import Spelling, kind, read_server, usual_transport, write_server

Json = dict[str, Any]
Names = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Imported:
    """The content of a document.

    A server has the keys of the stored document (``transport``, ``command``, ``args``, ``env``,
    ``url``, ``headers``), then those that only the client knows, unchanged. If the client had
    enabled or disabled it explicitly, ``internal.enabled`` is set, and nothing else in it.
    """

    format: Format
    #: by name, in the order of the document
    servers: Mapping[str, Json] = field(repr=False)
    #: definitions that ``${input:id}`` refers to
    inputs: Sequence[Json] = field(default=(), repr=False)
    #: only of the engine's own document
    settings: Json = field(default_factory=dict, repr=False)
    #: the document without its servers and inputs; can be passed to render() as ``base``
    rest: Json = field(default_factory=dict, repr=False)
    #: what was converted or ignored
    warnings: Sequence[str] = ()


class Format:
    """One kind of document. Formats have no state, and there is one instance of each."""

    #: the name in Python, REST and commands
    name: ClassVar[str]
    #: the name in messages
    title: ClassVar[str]
    #: the clients that read it; each of them is an additional name of the format
    clients: ClassVar[Names] = ()
    #: the last parts of the paths of such files
    files: ClassVar[Names] = ()
    #: the syntax of such files
    syntax: ClassVar[str] = "json"
    #: the path of the servers; empty if they are the document
    path: ClassVar[Names] = ()
    #: the path of the definitions of inputs; empty if the client has none
    inputs_path: ClassVar[Names] = ()
    #: the schemes that URLs of servers may have
    schemes: ClassVar[Names] = ("http", "https")
    #: how one server is written
    spelling: ClassVar[Spelling] = Spelling()

    def __repr__(self) -> str:
        return f"<Format {self.name}>"

    # Reading

    def recognises(self, document: Mapping[str, Any]) -> bool:
        """Return whether a document with a value at ``path`` has this format, not its parent's."""
        return True

    def parse(self, document: Mapping[str, Any]) -> Imported:
        """Parse a document of this format.

        Raises:
            InvalidDocument: With the path of the fault.
        """
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
        """Return the object that contains the servers.

        Raises:
            InvalidDocument: If there is none.
        """
        found = get_at(document, self.path)
        where = json_path.join(self.path)
        if isinstance(found, Mapping):
            return found
        if found is None:
            raise InvalidDocument(
                f"the document has nothing at {where!r}, so it is not {self.title}"
            )
        raise InvalidDocument(f"must be an object from name to server, not {kind(found)}", where)

    def is_foreign(self, name: str, raw: Any) -> bool:
        """Return whether a member of the container is something other than an MCP server."""
        return False

    def read_server(self, raw: Any, where: str, warnings: list[str]) -> Json:
        """Return one server with the keys of the stored document."""
        return read_server(raw, self.spelling, where, warnings)

    def read_inputs(self, document: Mapping[str, Any]) -> list[Json]:
        """Return the definitions of inputs, which have unique ids."""
        found = get_at(document, self.inputs_path) if self.inputs_path else None
        return [] if found is None else _checked_inputs(found, json_path.join(self.inputs_path))

    def read_settings(self, document: Mapping[str, Any]) -> Json:
        """Return settings of the engine. Documents of clients have none."""
        return {}

    def read_rest(self, document: Mapping[str, Any]) -> Json:
        """Return the document without the servers and inputs."""
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
        """Return a document with these servers.

        Args:
            given: The servers by name.
            inputs: Definitions of inputs.
            base: The present document. Everything else in it is kept, and so are the keys of its
                servers that the stored document does not have. A server with the same meaning as
                before keeps its spelling.

        Raises:
            InvalidDocument: If ``base`` contains something else where the servers belong.
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
        """Return one server as the client writes it."""
        return write_server(server, self.spelling)

    def warnings(
        self, given: Mapping[str, Mapping[str, Any]], inputs: Iterable[Mapping[str, Any]] = ()
    ) -> list[str]:
        """Return what a client of this format would not understand in these servers."""
        rendered = {
            name: {key: part for key, part in server.items() if key not in _NOT_RENDERED}
            for name, server in given.items()
        }
        return [*self._undefined(rendered, inputs), *self._unreachable(rendered)]

    def _undefined(
        self, found: Mapping[str, Json], inputs: Iterable[Mapping[str, Any]]
    ) -> Iterator[str]:
        """Yield a warning for each reference to an input that the client will not ask for."""
        ids = {one.get("id") for one in inputs} if self.inputs_path else set()
        why = "it is not defined" if self.inputs_path else f"{self.title} has no inputs"
        for path, reference in references(found, json_path.join(self.path)):
            if reference.kind == "input" and reference.name not in ids:
                yield f"{path} refers to the input {reference.name!r}: {why}"

    def _unreachable(self, found: Mapping[str, Json]) -> Iterator[str]:
        for name, server in found.items():
            scheme, sign, _ = str(server.get("url", "")).partition("://")
            if sign and "$" not in scheme and scheme.lower() not in self.schemes:
                path = json_path.under(json_path.join(self.path), name, "url")
                yield f"{path} begins with {scheme}://, which {self.title} does not support"

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
        """Return a value that is equal for all spellings of a server.

        A server that does not say whether it is enabled is enabled.
        """
        try:
            read = self.read_server(raw, where, [])
        except InvalidDocument:
            return None
        read["transport"] = usual_transport(read["transport"])
        return {key: part for key, part in read.items() if part != {"enabled": True}}

    def _put_inputs(self, document: Json, inputs: list[Json]) -> None:
        if not inputs or not self.inputs_path:
            return
        ids = {one.get("id") for one in inputs}
        found = get_at(document, self.inputs_path)
        others = found if isinstance(found, list) else []
        kept = [one for one in others if not isinstance(one, dict) or one.get("id") not in ids]
        _put(document, self.inputs_path, [*kept, *inputs])


#: keys of the engine that are not written to clients
_NOT_RENDERED = ("internal", "metadata")


def _checked_inputs(found: Any, where: str) -> list[Json]:
    if not isinstance(found, list):
        raise InvalidDocument(f"must be a list, not {kind(found)}", where)
    ids: set[str] = set()
    for index, one in enumerate(found):
        path = json_path.under(where, index)
        if not isinstance(one, Mapping):
            raise InvalidDocument(f"must be an object, not {kind(one)}", path)
        id = one.get("id")
        if not isinstance(id, str) or not id:
            raise InvalidDocument("must have an id that is a string", path)
        if id in ids:
            raise InvalidDocument(f"the id {id!r} is used twice", path)
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
