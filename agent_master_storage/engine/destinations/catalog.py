"""The destinations that are stored in the document: add, update, remove, get and list.

They are stored under ``targets``, as the Go engine stores its targets, and only in its fields,
so that they survive when it writes the document.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ...exceptions import InvalidKey, InvalidValue, KeyNotFound
from ...keys import check_key
from .. import keys
from ..document import Document
from ..document_store import DocumentStore
from ..exceptions import (
    DestinationChanged,
    DestinationExists,
    DestinationNotFound,
    InvalidDestination,
)
from ..formats import registry
from ..json_object import problems
from .destination import DEFAULT_FORMAT, FILE, STORAGE, Destination
from .files import check_root

logger = logging.getLogger("agent_master_storage.engine")


def add_destination(
    engine: DocumentStore,
    name: str,
    path: str | Path = "",
    format: str = "",
    *,
    enabled: bool = True,
    requires_sanitization: bool = False,
    supports_projects: bool = False,
    server_name_pattern: str = "",
) -> Destination:
    """Add a destination. See Destination for the fields.

    Args:
        name: Any name except ``all``.
        path: The file; without it, the destination is the key ``targets:<name>:config``.
        format: The format; by default that of the client whose configuration file has such a
            path, else ``mcpServers``.

    Raises:
        DestinationExists: If there is a destination of this name.
        InvalidDestination: If a field is not valid, or if the file is outside the directories of
            AGENT_MASTER_STORAGE_DESTINATION_ROOTS.
    """
    found = registry.of_file(path)
    fields = {
        "type": FILE if path else STORAGE,
        "enabled": enabled,
        "config_path": path,
        "requires_sanitization": requires_sanitization,
        "supports_projects": supports_projects,
        "config_format": format or (found.name if found else DEFAULT_FORMAT),
        "server_name_pattern": server_name_pattern,
    }
    destination = _validated(name, _by_alias(fields))
    _check_root(destination)

    def edit(document: Document) -> Destination:
        targets = document.section("targets")
        if name in targets:
            raise DestinationExists(name)
        targets[name] = destination.to_dict()
        return destination

    return engine.change(edit)


def update_destination(
    engine: DocumentStore, name: str, /, *, if_unchanged: str | None = None, **fields: Any
) -> Destination:
    """Set fields of a destination and keep the others.

    Args:
        name: The destination.
        if_unchanged: The ``fingerprint`` that it must have.
        fields: By the names of Destination.

    Raises:
        DestinationNotFound: If there is no such destination.
        DestinationChanged: If the fingerprint differs.
        InvalidDestination: As in add_destination().
        TypeError: If Destination has no such field.
    """
    if unknown := sorted(set(fields) - (set(Destination.model_fields) - {"name"})):
        raise TypeError(f"a destination has no field {', '.join(unknown)} that can be set")

    def edit(document: Document) -> Destination:
        before = _unchanged(document, name, if_unchanged)
        destination = _validated(name, {**before.to_dict(), **_by_alias(fields)})
        # A destination that is no longer inside the allowed directories can still be disabled.
        if (destination.type, destination.path) != (before.type, before.path):
            _check_root(destination)
        document.section("targets", name).update(destination.to_dict())
        return destination

    return engine.change(edit)


def remove_destination(
    engine: DocumentStore, name: str, *, if_unchanged: str | None = None
) -> Destination:
    """Remove a destination and the result of its last sync. Its file or key is kept.

    Raises:
        DestinationNotFound: If there is no such destination.
        DestinationChanged: If its fingerprint is not ``if_unchanged``.
    """

    def edit(document: Document) -> Destination:
        destination = _unchanged(document, name, if_unchanged)
        del document.section("targets")[name]
        return destination

    removed = engine.change(edit)
    with suppress(KeyNotFound):
        engine.storage.delete(keys.last_sync(name))
    return removed


def get_destination(engine: DocumentStore, name: str) -> Destination:
    """Return one destination.

    Raises:
        DestinationNotFound: If there is no such destination.
        InvalidDestination: If it cannot be read.
    """
    return _get(engine.config(), name)


def list_destinations(engine: DocumentStore, *, enabled: bool | None = None) -> list[Destination]:
    """Return the destinations, sorted by name.

    A destination that cannot be read is logged and left out.

    Args:
        enabled: Whether to return only enabled or only disabled ones; None for all.
    """
    targets = engine.config().section("targets")
    found = (_read_or_log(engine, name, targets[name]) for name in sorted(targets))
    return [one for one in found if one and (enabled is None or one.enabled == enabled)]


def _read_or_log(engine: DocumentStore, name: str, data: Any) -> Destination | None:
    try:
        return _read(name, data)
    except InvalidDestination as error:
        logger.warning("%s: %s", engine.storage.alias, error)
        return None


def _get(document: Document, name: str) -> Destination:
    found = document.section("targets").get(name)
    if found is None:
        raise DestinationNotFound(name)
    return _read(name, found)


def _unchanged(document: Document, name: str, expected: str | None) -> Destination:
    destination = _get(document, name)
    if expected is not None and destination.fingerprint != expected:
        raise DestinationChanged(name)
    return destination


def _read(name: str, data: Any) -> Destination:
    try:
        return Destination.model_validate(
            {**data, "name": name} if isinstance(data, dict) else data
        )
    except ValidationError as error:
        raise InvalidDestination(name, "; ".join(problems(error))) from None


def _by_alias(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields by their names in the document, with paths as text."""
    aliases = {key: info.alias or key for key, info in Destination.model_fields.items()}
    texts = {key: str(part) if isinstance(part, Path) else part for key, part in fields.items()}
    return {aliases[key]: part for key, part in texts.items()}


def _validated(name: str, data: dict[str, Any]) -> Destination:
    _check_name(name)
    destination = _read(name, data)
    try:
        registry.get(destination.format_name)
    except InvalidValue as error:
        raise InvalidDestination(name, str(error), "config_format") from None
    if destination.is_file:
        _check_path(destination)
    try:
        re.compile(destination.server_name_pattern)
    except re.error as error:
        reason = f"serverNamePattern: {error}"
        raise InvalidDestination(name, reason, "server_name_pattern") from None
    return destination


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not name.strip() or name == "all":
        reason = "the name must be a text that is not empty, and not 'all'"
        raise InvalidDestination(str(name), reason, "name")
    try:
        check_key(keys.last_sync(name))
        check_key(keys.target(name))
    except InvalidKey as error:
        raise InvalidDestination(name, str(error), "name") from None


def _check_path(destination: Destination) -> None:
    path = destination.config_path
    if "\0" in path or not destination.path.is_absolute():
        reason = "the path of the file must be absolute or begin with ~/"
        raise InvalidDestination(destination.name, reason, "config_path")


def _check_root(destination: Destination) -> None:
    if destination.is_file:
        try:
            check_root(destination.path)
        except (OSError, RuntimeError) as error:
            raise InvalidDestination(destination.name, str(error), "config_path") from error
