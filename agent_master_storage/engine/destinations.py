"""Where servers go to: files of clients, and keys of the storage that others read.

Destinations are remembered in the document under ``targets``, as the Go engine remembers its
targets: in its fields alone, so that it keeps them when it writes the document.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationError

from ..exceptions import InvalidKey, InvalidValue, KeyNotFound
from ..keys import check_key
from . import keys
from .core import Core, twin
from .destination import DEFAULT_FORMAT, FILE, STORAGE, Destination
from .document import Document
from .exceptions import (
    DestinationChanged,
    DestinationExists,
    DestinationNotFound,
    InvalidDestination,
)
from .formats import registry
from .roots import check_root
from .types import problems

logger = logging.getLogger("agent_master_storage.engine")

Destinations: TypeAlias = list[Destination]


class DestinationVerbs(Core):
    """Add, update, remove, get and list destinations."""

    def add_destination(
        self,
        name: str,
        path: str | Path = "",
        format: str = "",
        *,
        enabled: bool = True,
        requires_sanitization: bool = False,
        supports_projects: bool = False,
        server_name_pattern: str = "",
    ) -> Destination:
        """Remember a destination: the file at ``path``, or without one a key of the storage.

        Without a ``format`` it is that of the client whose file has such a path, else
        ``mcpServers``. DestinationExists; InvalidDestination, also for a file that is in none of
        the folders of AGENT_MASTER_STORAGE_DESTINATION_ROOTS.
        """
        fields = {
            "type": FILE if path else STORAGE,
            "enabled": enabled,
            "config_path": path,
            "requires_sanitization": requires_sanitization,
            "supports_projects": supports_projects,
            "config_format": format or getattr(registry.of_file(path), "name", DEFAULT_FORMAT),
            "server_name_pattern": server_name_pattern,
        }
        destination = _checked(name, _named(fields))
        _check_root(destination)
        return self.change(lambda document: _added(document, destination))

    def update_destination(
        self, name: str, /, *, if_unchanged: str | None = None, **fields: Any
    ) -> Destination:
        """Set fields of a destination, by the names of Destination; the others are kept.

        ``if_unchanged`` is its ``fingerprint`` as the caller saw it. DestinationNotFound;
        InvalidDestination, see add_destination(); DestinationChanged.
        """
        if unknown := sorted(set(fields) - (set(Destination.model_fields) - {"name"})):
            raise TypeError(f"a destination has no field {', '.join(unknown)} to be set")

        def edit(document: Document) -> Destination:
            before = _unchanged(document, name, if_unchanged)
            destination = _checked(name, {**before.to_dict(), **_named(fields)})
            # One that the folders no longer hold can still be disabled.
            if (destination.type, destination.path) != (before.type, before.path):
                _check_root(destination)
            document.section("targets", name).update(destination.to_dict())
            return destination

        return self.change(edit)

    def remove_destination(self, name: str, *, if_unchanged: str | None = None) -> Destination:
        """Forget a destination and its last sync; what was written there stays.

        DestinationNotFound, DestinationChanged.
        """

        def edit(document: Document) -> Destination:
            destination = _unchanged(document, name, if_unchanged)
            del document.section("targets")[name]
            return destination

        gone = self.change(edit)
        with suppress(KeyNotFound):
            self.storage.delete(keys.last_sync(name))
        return gone

    def get_destination(self, name: str) -> Destination:
        """One destination; DestinationNotFound."""
        return _of(self.config(), name)

    def list_destinations(self, *, enabled: bool | None = None) -> Destinations:
        """All destinations by name, or those that are enabled or not.

        One that can't be read is logged and left out.
        """
        targets = self.config().section("targets")
        found = (self._readable(name, targets[name]) for name in sorted(targets))
        return [one for one in found if one and (enabled is None or one.enabled == enabled)]

    def _readable(self, name: str, data: Any) -> Destination | None:
        try:
            return _read(name, data)
        except InvalidDestination as error:
            logger.warning("%s: %s", self.storage.alias, error)
            return None

    aadd_destination = twin(add_destination)
    aupdate_destination = twin(update_destination)
    aremove_destination = twin(remove_destination)
    aget_destination = twin(get_destination)
    alist_destinations = twin(list_destinations)


def _added(document: Document, destination: Destination) -> Destination:
    targets = document.section("targets")
    if destination.name in targets:
        raise DestinationExists(destination.name)
    targets[destination.name] = destination.to_dict()
    return destination


def _of(document: Document, name: str) -> Destination:
    found = document.section("targets").get(name)
    if found is None:
        raise DestinationNotFound(name)
    return _read(name, found)


def _unchanged(document: Document, name: str, known: str | None) -> Destination:
    destination = _of(document, name)
    if known is not None and destination.fingerprint != known:
        raise DestinationChanged(name)
    return destination


def _read(name: str, data: Any) -> Destination:
    try:
        return Destination.model_validate(
            {**data, "name": name} if isinstance(data, dict) else data
        )
    except ValidationError as error:
        raise InvalidDestination(name, "; ".join(problems(error))) from None


def _named(fields: dict[str, Any]) -> dict[str, Any]:
    aliases = {key: info.alias or key for key, info in Destination.model_fields.items()}
    paths = {key: str(part) if isinstance(part, Path) else part for key, part in fields.items()}
    return {aliases[key]: part for key, part in paths.items()}


def _checked(name: str, data: dict[str, Any]) -> Destination:
    """A destination that can work; InvalidDestination."""
    _check_name(name)
    destination = _read(name, data)
    try:
        assert destination.format
    except InvalidValue as error:
        raise InvalidDestination(name, str(error)) from None
    if destination.is_file:
        _check_path(destination)
    try:
        re.compile(destination.server_name_pattern)
    except re.error as error:
        raise InvalidDestination(name, f"serverNamePattern: {error}") from None
    return destination


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not name.strip() or name == "all":
        raise InvalidDestination(str(name), "a name is a text; 'all' means every destination")
    try:
        check_key(keys.last_sync(name))
        check_key(keys.target(name))
    except InvalidKey as error:
        raise InvalidDestination(name, str(error)) from None


def _check_path(destination: Destination) -> None:
    path = destination.config_path
    if "\0" in path or not destination.path.is_absolute():
        reason = "the path of a file is absolute, or begins with ~/"
        raise InvalidDestination(destination.name, reason)


def _check_root(destination: Destination) -> None:
    if destination.is_file:
        try:
            check_root(destination.path)
        except (OSError, RuntimeError) as error:
            raise InvalidDestination(destination.name, str(error)) from error
