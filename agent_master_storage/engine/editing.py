"""Changes of one server's object in the document, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ..actor import current_actor
from . import times
from .document import Document, section
from .exceptions import InvalidServer, ServerChanged
from .types import Internal, ServerConfig, fingerprint, look_alikes, problems

#: fields of a server's object that a ServerConfig decides about
_CONFIG = frozenset(ServerConfig.model_fields)


def new_server(
    name: str, config: ServerConfig, internal: Mapping[str, Any] | Internal | None
) -> dict[str, Any]:
    """The object of a server that is new: enabled, for all destinations, unless told otherwise."""
    made = {
        "enabled": True,
        "lastModified": times.now(),
        "source": "user",
        "createdBy": current_actor(),
        "syncTargets": ["all"],
    }
    # In the order in which Go writes the fields.
    noted = _internal(name, {**made, **_as_given(name, internal)}).to_dict()
    return {**config.to_dict(), "internal": noted}


def set_config(data: dict[str, Any], config: ServerConfig, *, replace: bool) -> None:
    """Let ``config`` decide about the fields that it has.

    Fields that ServerConfig does not name are kept unless ``config`` has them too, and so is
    ``metadata`` that it does not mention; with ``replace`` they go. None removes a field.
    """
    given = config.to_dict()
    decided = set(data) if replace else set(_CONFIG)
    if not replace and "metadata" not in config.model_fields_set:
        decided.discard("metadata")
    for name in decided - {"internal", *given}:
        data.pop(name, None)
    for name, value in given.items():
        if value is None:
            data.pop(name, None)
        else:
            data[name] = value


def set_internal(name: str, data: dict[str, Any], given: Mapping[str, Any] | Internal) -> None:
    """Set the fields of ``internal`` that are given; false and empty ones are left out."""
    noted = _noted(name, data)
    for field, value in _as_given(name, given).items():
        if value:
            noted[field] = value
        else:
            noted.pop(field, None)


def set_enabled(name: str, data: dict[str, Any], enabled: bool) -> None:
    """As Go writes it: first, and left out when false."""
    noted = _noted(name, data)
    if bool(noted.get("enabled")) != enabled:
        others = {key: value for key, value in noted.items() if key != "enabled"}
        data["internal"] = {"enabled": True, **others} if enabled else others


def touch(name: str, data: dict[str, Any]) -> None:
    """Note that the server was changed just now."""
    _noted(name, data)["lastModified"] = times.now()


def check_unchanged(document: Document, name: str, known: str | None) -> None:
    """ServerChanged unless the server still has the fingerprint that the caller knows."""
    if known is not None and fingerprint(document.raw(name)) != known:
        raise ServerChanged(name)


def _noted(name: str, data: dict[str, Any]) -> dict[str, Any]:
    return section(data, "internal", f"servers.{name}.")


def _as_given(name: str, given: Mapping[str, Any] | Internal | None) -> dict[str, Any]:
    """The fields that were given, under the names that the document has for them."""
    if given is None:
        return {}
    found = given if isinstance(given, Internal) else _internal(name, given)
    fields = found.model_dump(by_alias=True, include=set(found.model_fields_set))
    return {**fields, **found.extra}


def _internal(name: str, data: Mapping[str, Any]) -> Internal:
    try:
        found: Internal = Internal.model_validate(dict(data))
        faults = look_alikes(found)
    except ValidationError as error:
        faults = problems(error)
    if faults:
        raise InvalidServer(name, [f"internal.{fault}" for fault in faults]) from None
    return found
