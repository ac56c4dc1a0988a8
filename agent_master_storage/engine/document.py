"""The stored document: the JSON under the key ``config``, as the Go engine writes it.

It is held as it was parsed. A change touches the fields it is about and nothing else, so that
keys which this version does not know survive at every level.
"""

from __future__ import annotations

import copy
from typing import Any

from .. import serialization
from ..exceptions import InvalidValue
from .exceptions import InvalidDocument, ServerExists, ServerNotFound
from .json_object import fingerprint, json_type, read
from .server import Internal, Server, ServerConfig
from .settings import Settings, new_document

#: keys that other programs put servers under; a document with these is somebody else's
_FOREIGN = ("mcpServers", "mcp")


class Document:
    """The document, to be read and changed; nothing is stored before the engine does it."""

    def __init__(self, data: dict[str, Any]) -> None:
        """``data`` is taken as it is, not copied. InvalidDocument when it is not one."""
        if not isinstance(data, dict):
            raise InvalidDocument(f"must be an object, not {json_type(data)}")
        foreign = [key for key in _FOREIGN if key in data and "servers" not in data]
        if foreign:
            raise InvalidDocument(
                f"has {foreign[0]!r} and no 'servers': a client's configuration, to be imported"
            )
        self.data = data
        section(data, "servers")

    @classmethod
    def new(cls) -> Document:
        """The document that the engine starts with."""
        return cls(new_document())

    @classmethod
    def parse(cls, value: bytes | str) -> Document:
        """Read the stored bytes; InvalidDocument when they are no such document."""
        try:
            return cls(serialization.loads(value))
        except InvalidDocument:
            raise
        except InvalidValue as error:
            raise InvalidDocument(str(error)) from error

    def dump(self) -> bytes:
        """The bytes to store: JSON with an indent of two."""
        return serialization.dumps(self.data).encode()

    def copy(self) -> Document:
        """A copy that shares nothing with this one."""
        return Document(copy.deepcopy(self.data))

    # Reading

    @property
    def version(self) -> str:
        return str(self.data.get("version", ""))

    @property
    def settings(self) -> Settings:
        """The settings as a view; broken ones are left at their defaults."""
        return read(Settings, self.data.get("settings") or {})[0]

    @property
    def servers(self) -> dict[str, Any]:
        """The servers' objects by name, as parsed; changing it changes the document."""
        return section(self.data, "servers")

    def server(self, name: str) -> Server:
        """The typed view of one server; ServerNotFound."""
        return view(name, self.raw(name))

    def list(self) -> list[Server]:
        """All servers, in the order of the document."""
        return [view(name, data) for name, data in self.servers.items()]

    def raw(self, name: str) -> Any:
        """One server's object as parsed; ServerNotFound."""
        try:
            return self.servers[name]
        except KeyError:
            raise ServerNotFound(name) from None

    # Changing

    def object_of(self, name: str) -> dict[str, Any]:
        """raw() for a change: InvalidDocument when it is not an object."""
        self.raw(name)
        return section(self.servers, name, "servers.")

    def section(self, *path: str) -> dict[str, Any]:
        """The object at ``path``, as ``("settings", "backup")``, made where it is missing."""
        data, where = self.data, ""
        for name in path:
            data, where = section(data, name, where), f"{where}{name}."
        return data

    def insert(self, name: str, data: dict[str, Any]) -> None:
        """Put a new server at the end; ServerExists."""
        if name in self.servers:
            raise ServerExists(name)
        self.servers[name] = data

    def remove(self, name: str) -> Any:
        """Take a server out and return its object; ServerNotFound."""
        data = self.raw(name)
        del self.servers[name]
        return data

    def rename(self, name: str, new: str) -> None:
        """Give a server another name, at the same place; ServerNotFound, ServerExists."""
        self.raw(name)
        if new == name:
            return
        if new in self.servers:
            raise ServerExists(new)
        self.data["servers"] = {
            (new if key == name else key): data for key, data in self.servers.items()
        }


def section(parent: dict[str, Any], name: str, where: str = "") -> dict[str, Any]:
    """The object ``parent[name]``, made where it is missing; InvalidDocument if it is none."""
    found = parent.get(name)
    if found is None:
        found = parent[name] = {}
    if not isinstance(found, dict):
        raise InvalidDocument(f"must be an object, not {json_type(found)}", f"{where}{name}")
    return found


def view(name: str, data: Any) -> Server:
    """The typed view of a server's object."""
    own = {k: v for k, v in data.items() if k != "internal"} if isinstance(data, dict) else data
    config, problems = read(ServerConfig, own)
    noted = (data.get("internal") or {}) if isinstance(data, dict) else {}
    internal, faults = read(Internal, noted)
    return Server(
        name=name,
        config=config,
        internal=internal,
        problems=(*problems, *(f"internal.{fault}" for fault in faults)),
        fingerprint=fingerprint(data),
    )
