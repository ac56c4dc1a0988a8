"""The flat format: a document that consists of servers by name, as in READMEs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..exceptions import InvalidDocument
from .format import Format, Json
from .spelling import looks_like_server


class Flat(Format):
    """Every key is the name of a server, except those that begin with ``$`` (``$schema``)."""

    name = "flat"
    title = "the flat format"

    def recognises(self, document: Mapping[str, Any]) -> bool:
        servers = self.without_foreign(document)
        return bool(servers) and all(map(looks_like_server, servers.values()))

    def container(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the document.

        Raises:
            InvalidDocument: If it is a single server.
        """
        if looks_like_server(document) and not any(map(looks_like_server, document.values())):
            raise InvalidDocument(
                "the document is one server without a name: wrap it in an object by name"
            )
        return document

    def without_foreign(self, document: Mapping[str, Any]) -> Json:
        """Return the members that can be servers."""
        found = self.container(document)
        return {name: part for name, part in found.items() if not self.is_foreign(name, part)}

    def is_foreign(self, name: str, raw: Any) -> bool:
        return name.startswith("$")

    def render(
        self,
        given: Mapping[str, Mapping[str, Any]],
        *,
        inputs: Iterable[Mapping[str, Any]] = (),
        base: Mapping[str, Any] | None = None,
    ) -> Json:
        """Return a document with these servers; see Format.render().

        Raises:
            InvalidDocument: If a name begins with ``$``.
        """
        for name in filter(lambda name: self.is_foreign(name, None), given):
            raise InvalidDocument(f"{name!r} cannot be the name of a server in {self.title}")
        return super().render(given, inputs=inputs, base=base)
