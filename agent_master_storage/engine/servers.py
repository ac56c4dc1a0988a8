"""Add, update, remove, rename, enable, list and validate servers.

Each function is a method of ``Engine``, except those for several servers at the end.

``if_unchanged`` is the ``fingerprint`` of the server as the caller read it. If the server has
changed since, ServerChanged is raised and nothing is stored. Changes of other servers are no
conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from . import stored_server
from .document import Document
from .document_store import DocumentStore
from .server import Internal, Server, ServerConfig, check_name, checked

AnyConfig: TypeAlias = ServerConfig | Mapping[str, Any]
AnyInternal: TypeAlias = Internal | Mapping[str, Any]


def add_server(
    engine: DocumentStore, name: str, config: AnyConfig, *, internal: AnyInternal | None = None
) -> Server:
    """Add a server.

    Args:
        name: 1 to 256 characters without control characters.
        config: How the server is started or reached.
        internal: Fields of Internal. By default, the server is enabled and goes to all
            destinations.

    Raises:
        ServerExists: If there is a server of this name.
        InvalidServer: If the name or the configuration is not valid.
    """
    found = checked(name, config)

    def edit(document: Document) -> Server:
        document.insert(name, stored_server.new_server(name, found, internal))
        return document.server(name)

    return engine.change(edit)


def update_server(
    engine: DocumentStore,
    name: str,
    config: AnyConfig | None = None,
    *,
    internal: AnyInternal | None = None,
    if_unchanged: str | None = None,
    replace: bool = False,
) -> Server:
    """Replace the configuration of a server, and set fields of its ``internal``.

    Args:
        name: The server.
        config: The new configuration; None keeps the present one.
        internal: The fields of ``internal`` to set.
        if_unchanged: The fingerprint that the server must have.
        replace: Whether ``metadata`` and fields that ServerConfig does not name are removed if
            ``config`` does not have them. By default they are kept.

    Raises:
        ServerNotFound: If there is no such server.
        InvalidServer: If the configuration is not valid.
        ServerChanged: If the fingerprint differs.
    """
    found = None if config is None else checked(name, config)

    def change(data: dict[str, Any]) -> None:
        if found is not None:
            stored_server.set_config(data, found, replace=replace)
        if internal is not None:
            stored_server.set_internal(name, data, internal)

    return _change_server(engine, name, change, if_unchanged)


def remove_server(engine: DocumentStore, name: str, *, if_unchanged: str | None = None) -> Server:
    """Remove a server and return what it was.

    Raises:
        ServerNotFound: If there is no such server.
        ServerChanged: If the fingerprint differs.
    """
    return remove_servers(engine, {name: if_unchanged})[0]


def rename_server(
    engine: DocumentStore, name: str, new_name: str, *, if_unchanged: str | None = None
) -> Server:
    """Rename a server, which keeps its position and everything else.

    Raises:
        ServerNotFound: If there is no such server.
        ServerExists: If there is a server of the new name.
        ServerChanged: If the fingerprint differs.
        InvalidServer: If the new name is not valid.
    """
    check_name(new_name)

    def edit(document: Document) -> Server:
        stored_server.check_unchanged(document, name, if_unchanged)
        document.rename(name, new_name)
        if new_name != name:
            stored_server.touch(new_name, document.object_of(new_name))
        return document.server(new_name)

    return engine.change(edit)


def enable_server(engine: DocumentStore, name: str, *, if_unchanged: str | None = None) -> Server:
    """Enable a server. If it is enabled already, nothing is written.

    Raises:
        ServerNotFound: If there is no such server.
        ServerChanged: If the fingerprint differs.
    """
    return _set_enabled(engine, name, True, if_unchanged)


def disable_server(engine: DocumentStore, name: str, *, if_unchanged: str | None = None) -> Server:
    """Disable a server, so that the next sync removes it from all destinations.

    Raises:
        ServerNotFound: If there is no such server.
        ServerChanged: If the fingerprint differs.
    """
    return _set_enabled(engine, name, False, if_unchanged)


def get_server(engine: DocumentStore, name: str) -> Server:
    """Return one server.

    Raises:
        ServerNotFound: If there is no such server.
    """
    return engine.config().server(name)


def list_servers(
    engine: DocumentStore,
    *,
    enabled: bool | None = None,
    transport: str | None = None,
    source: str | None = None,
    name_pattern: str | None = None,
    sync_targets: Sequence[str] | None = None,
    project_specific: bool | None = None,
    tags: Sequence[str] | None = None,
) -> list[Server]:
    """Return the servers that match all filters, sorted by name. See ServerFilter."""
    wanted = ServerFilter(
        enabled=enabled,
        transport=transport,
        source=source,
        name_pattern=name_pattern,
        sync_targets=sync_targets,
        project_specific=project_specific,
        tags=tags,
    )
    return wanted.select(engine.config().list())


def validate_server(engine: DocumentStore, name: str, config: AnyConfig) -> ServerConfig:
    """Return ``config`` as add_server() would store it, without storing it.

    Raises:
        InvalidServer: With every problem, if the name or the configuration is not valid.
    """
    return checked(name, config)


def set_servers_enabled(
    engine: DocumentStore, names: Collection[str], enabled: bool
) -> list[Server]:
    """Enable or disable several servers in one change, and return those that were changed.

    Raises:
        ServerNotFound: If one of them is missing. None is changed.
    """

    def edit(document: Document) -> list[Server]:
        changed = [name for name in names if document.server(name).enabled != enabled]
        for name in changed:
            stored_server.set_enabled(name, document.object_of(name), enabled)
            stored_server.touch(name, document.object_of(name))
        return [document.server(name) for name in changed]

    return engine.change(edit)


def remove_servers(engine: DocumentStore, names: Mapping[str, str | None]) -> list[Server]:
    """Remove several servers in one change, and return what they were.

    Args:
        names: From each name to the fingerprint that the server must have, or None.

    Raises:
        ServerNotFound: If one of them is missing. None is removed.
        ServerChanged: If one of the fingerprints differs. None is removed.
    """

    def edit(document: Document) -> list[Server]:
        for name, fingerprint in names.items():
            stored_server.check_unchanged(document, name, fingerprint)
        found = [document.server(name) for name in names]
        for name in names:
            document.remove(name)
        return found

    return engine.change(edit)


@dataclass(frozen=True, kw_only=True)
class ServerFilter:
    """The filters of list_servers(), which are those of the Go engine. None matches all."""

    enabled: bool | None = None
    transport: str | None = None
    #: where the server came from: user, import ...
    source: str | None = None
    #: a shell pattern such as ``git*``; case-sensitive
    name_pattern: str | None = None
    #: names of destinations; the server must go to at least one of them
    sync_targets: Sequence[str] | None = None
    project_specific: bool | None = None
    #: the server must have all of them
    tags: Sequence[str] | None = None

    def select(self, servers: Iterable[Server]) -> list[Server]:
        """Return the servers that match, sorted by name."""
        return sorted(filter(self.matches, servers), key=lambda server: server.name)

    def matches(self, server: Server) -> bool:
        internal = server.internal
        wanted = (
            (self.enabled, internal.enabled),
            (self.transport, server.transport),
            (self.source, internal.source),
            (self.project_specific, internal.project_specific),
        )
        return (
            all(want is None or want == found for want, found in wanted)
            and (self.name_pattern is None or fnmatchcase(server.name, self.name_pattern))
            and (self.sync_targets is None or any(map(internal.goes_to, self.sync_targets)))
            and (self.tags is None or set(self.tags) <= set(internal.tags))
        )


def _set_enabled(
    engine: DocumentStore, name: str, enabled: bool, if_unchanged: str | None
) -> Server:
    def change(data: dict[str, Any]) -> None:
        stored_server.set_enabled(name, data, enabled)

    return _change_server(engine, name, change, if_unchanged)


def _change_server(
    engine: DocumentStore,
    name: str,
    change: Callable[[dict[str, Any]], None],
    if_unchanged: str | None,
) -> Server:
    """Apply ``change`` to the server's object, and note the time if it made a difference."""

    def edit(document: Document) -> Server:
        stored_server.check_unchanged(document, name, if_unchanged)
        before = document.server(name).fingerprint
        change(document.object_of(name))
        if document.server(name).fingerprint != before:
            stored_server.touch(name, document.object_of(name))
        return document.server(name)

    return engine.change(edit)
