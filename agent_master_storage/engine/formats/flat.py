"""The flat form: the document is the servers, name by name, as READMEs show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..exceptions import InvalidDocument
from .base import Format, Json
from .servers import looks_like_one


class Flat(Format):
    """Every key is a server's name, but for those that begin with ``$``, such as ``$schema``."""

    name = "flat"
    title = "the flat form, name by name"

    def recognises(self, document: Mapping[str, Any]) -> bool:
        servers = self.container(document)
        return bool(servers) and all(map(looks_like_one, servers.values()))

    def container(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """All but the keys that begin with ``$``."""
        if looks_like_one(document) and not any(map(looks_like_one, document.values())):
            raise InvalidDocument("the document is one server without a name: put it under one")
        return {key: server for key, server in document.items() if not key.startswith("$")}

    def read_rest(self, document: Mapping[str, Any]) -> Json:
        return {key: part for key, part in document.items() if key.startswith("$")}
