"""The verbs about servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from . import editing
from .core import Core, twin
from .document import Document
from .filters import ServerFilter
from .types import Internal, Server, ServerConfig
from .validation import check_name, checked

AnyConfig: TypeAlias = ServerConfig | Mapping[str, Any]
AnyInternal: TypeAlias = Internal | Mapping[str, Any]
Servers: TypeAlias = list[Server]


class ServerVerbs(Core):
    """Add, update, remove, get, list, enable, disable, rename, validate.

    ``if_unchanged`` is the ``fingerprint`` of the server as the caller saw it: ServerChanged
    when somebody else changed it since. What others do to other servers is no conflict.
    """

    def add_server(
        self, name: str, config: AnyConfig, *, internal: AnyInternal | None = None
    ) -> Server:
        """Add a server: enabled and for all destinations, unless ``internal`` says otherwise.

        ServerExists; InvalidServer.
        """
        found = checked(name, config)

        def edit(document: Document) -> Server:
            document.insert(name, editing.new_server(name, found, internal))
            return document.server(name)

        return self.change(edit)

    def update_server(
        self,
        name: str,
        config: AnyConfig | None = None,
        *,
        internal: AnyInternal | None = None,
        if_unchanged: str | None = None,
        replace: bool = False,
    ) -> Server:
        """Give a server another configuration, and set fields of its ``internal``.

        Fields that ServerConfig does not name, and ``metadata``, are kept unless ``config`` has
        them; with ``replace`` they go. ServerNotFound, InvalidServer, ServerChanged.
        """
        found = None if config is None else checked(name, config)

        def change(data: dict[str, Any]) -> None:
            if found is not None:
                editing.set_config(data, found, replace=replace)
            if internal is not None:
                editing.set_internal(name, data, internal)

        return self._change_server(name, change, if_unchanged)

    def remove_server(self, name: str, *, if_unchanged: str | None = None) -> Server:
        """Remove a server and return what it was. ServerNotFound, ServerChanged."""

        def edit(document: Document) -> Server:
            editing.check_unchanged(document, name, if_unchanged)
            server = document.server(name)
            document.remove(name)
            return server

        return self.change(edit)

    def rename_server(self, name: str, new_name: str, *, if_unchanged: str | None = None) -> Server:
        """Give a server another name; all else, and its place, is kept.

        ServerNotFound, ServerExists, ServerChanged; InvalidServer for the new name.
        """
        check_name(new_name)

        def edit(document: Document) -> Server:
            editing.check_unchanged(document, name, if_unchanged)
            document.rename(name, new_name)
            if new_name != name:
                editing.touch(new_name, document.object_of(new_name))
            return document.server(new_name)

        return self.change(edit)

    def enable_server(self, name: str, *, if_unchanged: str | None = None) -> Server:
        """Enable a server; one that is already is left alone. ServerNotFound, ServerChanged."""
        return self._set_enabled(name, True, if_unchanged)

    def disable_server(self, name: str, *, if_unchanged: str | None = None) -> Server:
        """Disable a server: no destination has it any more. ServerNotFound, ServerChanged."""
        return self._set_enabled(name, False, if_unchanged)

    def get_server(self, name: str) -> Server:
        """One server; ServerNotFound."""
        return self.config().server(name)

    def list_servers(
        self,
        *,
        enabled: bool | None = None,
        transport: str | None = None,
        source: str | None = None,
        name_pattern: str | None = None,
        sync_targets: Sequence[str] | None = None,
        project_specific: bool | None = None,
        tags: Sequence[str] | None = None,
    ) -> Servers:
        """The servers that match every filter given, by name. See ServerFilter."""
        wanted = ServerFilter(
            enabled=enabled,
            transport=transport,
            source=source,
            name_pattern=name_pattern,
            sync_targets=sync_targets,
            project_specific=project_specific,
            tags=tags,
        )
        return wanted.select(self.config().list())

    def validate_server(self, name: str, config: AnyConfig) -> ServerConfig:
        """``config`` as add_server() would take it; InvalidServer with all that is wrong."""
        return checked(name, config)

    def _set_enabled(self, name: str, enabled: bool, if_unchanged: str | None) -> Server:
        def change(data: dict[str, Any]) -> None:
            editing.set_enabled(name, data, enabled)

        return self._change_server(name, change, if_unchanged)

    def _change_server(
        self, name: str, change: Callable[[dict[str, Any]], None], if_unchanged: str | None
    ) -> Server:
        def edit(document: Document) -> Server:
            editing.check_unchanged(document, name, if_unchanged)
            before = document.server(name).fingerprint
            change(document.object_of(name))
            if document.server(name).fingerprint != before:
                editing.touch(name, document.object_of(name))
            return document.server(name)

        return self.change(edit)

    aadd_server = twin(add_server)
    aupdate_server = twin(update_server)
    aremove_server = twin(remove_server)
    arename_server = twin(rename_server)
    aenable_server = twin(enable_server)
    adisable_server = twin(disable_server)
    aget_server = twin(get_server)
    alist_servers = twin(list_servers)
    avalidate_server = twin(validate_server)
