"""Several servers at once: one change of the document, all of them or none."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from . import editing
from .core import Core
from .document import Document
from .types import Server


def set_enabled(engine: Core, names: Collection[str], enabled: bool) -> list[Server]:
    """Enable or disable servers; the ones that were changed are returned. ServerNotFound."""

    def edit(document: Document) -> list[Server]:
        changed = [name for name in names if document.server(name).enabled != enabled]
        for name in changed:
            editing.set_enabled(name, document.object_of(name), enabled)
            editing.touch(name, document.object_of(name))
        return [document.server(name) for name in changed]

    return engine.change(edit)


def remove(engine: Core, names: Mapping[str, str | None]) -> list[Server]:
    """Remove servers, each given with the fingerprint that was seen of it, or None.

    ServerNotFound; ServerChanged.
    """

    def edit(document: Document) -> list[Server]:
        for name, seen in names.items():
            editing.check_unchanged(document, name, seen)
        found = [document.server(name) for name in names]
        for name in names:
            document.remove(name)
        return found

    return engine.change(edit)
