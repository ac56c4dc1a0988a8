"""The stored document: the JSON under the key ``config``, as the Go engine writes it.

The document is kept as it was parsed. A change affects only the fields that it is about, so keys
that this version does not know survive at every level.
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

#: keys under which clients keep servers; a document with one of them belongs to a client
_CLIENT_KEYS = ("mcpServers", "mcp")


class Document:
    """The document in memory. Changes of it are stored by ``Engine.change()`` only.

    Args:
        data: The parsed JSON object. It is not copied.

    Raises:
        InvalidDocument: If it is not a document of the engine.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        if not isinstance(data, dict):
            raise InvalidDocument(f"must be an object, not {json_type(data)}")
        foreign = [key for key in _CLIENT_KEYS if key in data and "servers" not in data]
        if foreign:
            raise InvalidDocument(
                f"has {foreign[0]!r} and no 'servers': it is a client's configuration; import it"
            )
        self.data = data
        section(data, "servers")

    @classmethod
    def new(cls) -> Document:
        """Return the document that the engine starts with."""
        return cls(new_document())

    @classmethod
    def parse(cls, value: bytes | str) -> Document:
        """Parse the stored bytes.

        Raises:
            InvalidDocument: If they are not a document of the engine.
        """
        try:
            return cls(serialization.loads(value))
        except InvalidDocument:
            raise
        except InvalidValue as error:
            raise InvalidDocument(str(error)) from error

    def dump(self) -> bytes:
        """Return the bytes to store: JSON with an indentation of two spaces."""
        return serialization.dumps(self.data).encode()

    def copy(self) -> Document:
        """Return a deep copy."""
        return Document(copy.deepcopy(self.data))

    # Reading

    @property
    def version(self) -> str:
        return str(self.data.get("version", ""))

    @property
    def settings(self) -> Settings:
        """The settings; those that are not valid have their defaults."""
        return read(Settings, self.data.get("settings") or {})[0]

    @property
    def servers(self) -> dict[str, Any]:
        """The servers' objects by name, as parsed. Changing it changes the document."""
        return section(self.data, "servers")

    def server(self, name: str) -> Server:
        """Return the typed view of one server.

        Raises:
            ServerNotFound: If there is no such server.
        """
        return view(name, self.raw(name))

    def list(self) -> list[Server]:
        """Return all servers, in the order of the document."""
        return [view(name, data) for name, data in self.servers.items()]

    def raw(self, name: str) -> Any:
        """Return one server's value as it was parsed.

        Raises:
            ServerNotFound: If there is no such server.
        """
        try:
            return self.servers[name]
        except KeyError:
            raise ServerNotFound(name) from None

    # Changing

    def object_of(self, name: str) -> dict[str, Any]:
        """Return one server's object, to be changed.

        Raises:
            ServerNotFound: If there is no such server.
            InvalidDocument: If its value is not an object.
        """
        self.raw(name)
        return section(self.servers, name, "servers.")

    def section(self, *path: str) -> dict[str, Any]:
        """Return the object at ``path``, such as ``("settings", "backup")``.

        Objects that are missing are created.
        """
        data, prefix = self.data, ""
        for name in path:
            data, prefix = section(data, name, prefix), f"{prefix}{name}."
        return data

    def insert(self, name: str, data: dict[str, Any]) -> None:
        """Add a server at the end.

        Raises:
            ServerExists: If there is already a server of this name.
        """
        if name in self.servers:
            raise ServerExists(name)
        self.servers[name] = data

    def remove(self, name: str) -> Any:
        """Remove a server and return its value.

        Raises:
            ServerNotFound: If there is no such server.
        """
        data = self.raw(name)
        del self.servers[name]
        return data

    def rename(self, name: str, new: str) -> None:
        """Rename a server, which keeps its position.

        Raises:
            ServerNotFound: If there is no such server.
            ServerExists: If there is a server of the new name.
        """
        self.raw(name)
        if new == name:
            return
        if new in self.servers:
            raise ServerExists(new)
        self.data["servers"] = {
            (new if key == name else key): data for key, data in self.servers.items()
        }


def section(parent: dict[str, Any], name: str, prefix: str = "") -> dict[str, Any]:
    """Return the object ``parent[name]``, which is created if it is missing.

    Args:
        parent: The object that contains it.
        name: The key.
        prefix: The path of ``parent`` with a dot at the end, for the error.

    Raises:
        InvalidDocument: If the value is not an object.
    """
    found = parent.get(name)
    if found is None:
        found = parent[name] = {}
    if not isinstance(found, dict):
        raise InvalidDocument(f"must be an object, not {json_type(found)}", f"{prefix}{name}")
    return found


def view(name: str, data: Any) -> Server:
    """Return the typed view of a server's object."""
    own = {k: v for k, v in data.items() if k != "internal"} if isinstance(data, dict) else data
    config, problems = read(ServerConfig, own)
    internal_data = (data.get("internal") or {}) if isinstance(data, dict) else {}
    internal, faults = read(Internal, internal_data)
    return Server(
        name=name,
        config=config,
        internal=internal,
        problems=(*problems, *(f"internal.{fault}" for fault in faults)),
        fingerprint=fingerprint(data),
    )
