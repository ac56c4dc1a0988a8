"""The flat form: the document is the servers, name by name, as READMEs show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..exceptions import InvalidDocument
from .format import Format, Json
from .spelling import looks_like_one


class Flat(Format):
    """Every key is a server's name, but for those that begin with ``$``, such as ``$schema``."""

    name = "flat"
    title = "the flat form, name by name"

    def recognises(self, document: Mapping[str, Any]) -> bool:
        servers = self.without_foreign(document)
        return bool(servers) and all(map(looks_like_one, servers.values()))

    def container(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """The document; InvalidDocument when it is one server."""
        if looks_like_one(document) and not any(map(looks_like_one, document.values())):
            raise InvalidDocument("the document is one server without a name: put it under one")
        return document

    def without_foreign(self, document: Mapping[str, Any]) -> Json:
        """What can be servers."""
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
        """See Format.render(); InvalidDocument for a name that could not be told as one."""
        for name in filter(lambda name: self.is_foreign(name, None), given):
            raise InvalidDocument(f"{name!r} can't be the name of a server in {self.title}")
        return super().render(given, inputs=inputs, base=base)
