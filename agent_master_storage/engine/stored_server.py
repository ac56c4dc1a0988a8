"""Changes of one server's JSON object in the document, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ..actor import current_actor
from . import times
from .document import Document, section
from .exceptions import InvalidServer, ServerChanged
from .json_object import fingerprint, look_alikes, problems
from .server import Internal, ServerConfig

#: the fields of a server's object that ServerConfig names
_CONFIG_FIELDS = frozenset(ServerConfig.model_fields)


def new_server(
    name: str, config: ServerConfig, internal: Mapping[str, Any] | Internal | None
) -> dict[str, Any]:
    """Return the object of a new server: enabled and for all destinations by default."""
    defaults = {
        "enabled": True,
        "lastModified": times.now(),
        "source": "user",
        "createdBy": current_actor(),
        "syncTargets": ["all"],
    }
    # to_dict() has the fields in the order in which Go writes them.
    noted = _validated(name, {**defaults, **_given_fields(name, internal)}).to_dict()
    return {**config.to_dict(), "internal": noted}


def set_config(data: dict[str, Any], config: ServerConfig, *, replace: bool) -> None:
    """Set all fields that ServerConfig names to those of ``config``; None removes a field.

    Args:
        data: The server's object.
        config: The new configuration.
        replace: Whether to remove ``metadata`` and fields that ServerConfig does not name if
            ``config`` does not have them.
    """
    given = config.to_dict()
    affected = set(data) if replace else set(_CONFIG_FIELDS)
    if not replace and "metadata" not in config.model_fields_set:
        affected.discard("metadata")
    for name in affected - {"internal", *given}:
        data.pop(name, None)
    for name, value in given.items():
        if value is None:
            data.pop(name, None)
        else:
            data[name] = value


def set_internal(name: str, data: dict[str, Any], given: Mapping[str, Any] | Internal) -> None:
    """Set the given fields of ``internal``; false and empty values remove a field."""
    noted = _internal(name, data)
    for field, value in _given_fields(name, given).items():
        if value:
            noted[field] = value
        else:
            noted.pop(field, None)


def set_enabled(name: str, data: dict[str, Any], enabled: bool) -> None:
    """Set ``internal.enabled`` as Go writes it: as the first field, omitted if false."""
    noted = _internal(name, data)
    if bool(noted.get("enabled")) != enabled:
        others = {key: value for key, value in noted.items() if key != "enabled"}
        data["internal"] = {"enabled": True, **others} if enabled else others


def touch(name: str, data: dict[str, Any]) -> None:
    """Set the time of the last change to now."""
    _internal(name, data)["lastModified"] = times.now()


def check_unchanged(document: Document, name: str, expected: str | None) -> None:
    """Raise ServerChanged if the server's fingerprint is not the expected one."""
    if expected is not None and fingerprint(document.raw(name)) != expected:
        raise ServerChanged(name)


def _internal(name: str, data: dict[str, Any]) -> dict[str, Any]:
    return section(data, "internal", f"servers.{name}.")


def _given_fields(name: str, given: Mapping[str, Any] | Internal | None) -> dict[str, Any]:
    """Return the fields that the caller has set, by their names in the document."""
    if given is None:
        return {}
    found = given if isinstance(given, Internal) else _validated(name, given)
    fields = found.model_dump(by_alias=True, include=set(found.model_fields_set))
    return {**fields, **found.extra}


def _validated(name: str, data: Mapping[str, Any]) -> Internal:
    try:
        found: Internal = Internal.model_validate(dict(data))
        faults = look_alikes(found)
    except ValidationError as error:
        faults = problems(error)
    if faults:
        raise InvalidServer(name, [f"internal.{fault}" for fault in faults]) from None
    return found
