"""What a request says about a server: its JSON face, read with every field checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...exceptions import InvalidValue
from ...rest.serializers import reject_unknown
from ...rest.writer import merge_patch
from .. import Internal, Server
from ..secrets import restore
from .base import flag_of, text_of
from .errors import ServerStale

#: of ``internal``
_DEFAULTS: dict[str, Any] = Internal().model_dump(by_alias=True)

#: of the face; those that are not read may be sent back as they came
_FIELDS = {
    "name",
    "enabled",
    "transport",
    "config",
    "internal",
    "problems",
    "advice",
    "fingerprint",
}


@dataclass(frozen=True, kw_only=True)
class Given:
    """A server as it is to be."""

    config: dict[str, Any]
    internal: dict[str, Any]
    #: the fingerprint of the server that the client saw, if it names one
    seen: str | None

    @classmethod
    def of(cls, document: dict[str, Any]) -> Given:
        """``enabled`` and ``transport`` say what is to be, before the fields inside."""
        reject_unknown(document, _FIELDS)
        config, internal = _object(document, "config"), _object(document, "internal")
        if "transport" in document:
            config = {**config, "transport": text_of(document, "transport")}
        enabled = flag_of(document, "enabled")
        if enabled is not None:
            internal = {**internal, "enabled": enabled}
        seen = text_of(document, "fingerprint") if "fingerprint" in document else None
        return cls(config=config, internal=internal, seen=seen)

    def check_seen(self, name: str, stored: Server | None) -> None:
        """ServerStale unless the server is the one that the client saw."""
        if self.seen is not None and (stored is None or stored.fingerprint != self.seen):
            raise ServerStale(name)

    def merged(self, stored: dict[str, Any]) -> dict[str, Any]:
        """The stored configuration with this one as a merge patch."""
        config: dict[str, Any] = restore(merge_patch(stored, self.config), stored)
        return config

    def merged_internal(self, stored: dict[str, Any]) -> dict[str, Any]:
        """The same of ``internal``; what the patch removes is at its default."""
        found: dict[str, Any] = merge_patch(stored, self.internal)
        gone = stored.keys() - found.keys()
        return found | {key: _DEFAULTS.get(key) for key in gone}

    def filled(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration; masks of the stored one become its secrets again."""
        config: dict[str, Any] = restore(self.config, dict(stored))
        return config


def _object(document: dict[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name, {})
    if not isinstance(found, dict):
        raise InvalidValue(f"{name} must be an object")
    return found
