"""The page for an edit or a deletion that met another version than was seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.template.response import TemplateResponse

from .....admin import stores
from .....admin.diffs import compare
from .....exceptions import NotSupported
from .....handler import storages
from ....keys import CONFIG
from ....secrets import mask_config
from ..forms import ServerForm
from ..secrets import Json
from .base import ServerPage, as_content, shown

#: what the page of a conflict sends anew
_OWN = {"csrfmiddlewaretoken", "fingerprint", "_save", "_continue", "_overwrite", "_resume"}

#: the fingerprint of a server that is gone
GONE = "gone"


class ConflictPage(ServerPage):
    """A page that can end in a conflict: nothing was changed, both versions are shown."""

    def conflict(self, mine: Json | None) -> TemplateResponse:
        """Show the version that is there and ``mine``; None: it was to be deleted.

        What was typed is carried along as it was sent, with the fingerprint of the version that
        is shown here, so that a decision is refused again when yet another one has come.
        """
        _, current = self.found()
        stored = shown(current)
        # Secrets that were typed, or revealed, are not shown again.
        typed = None if mine is None else as_content(mask_config(mine))
        return self.page(
            "conflict",
            f"{self.address.name} was changed meanwhile",
            409,
            current=current,
            stored=stored,
            mine=typed,
            document=self.written(),
            diff=compare(stored, typed) if typed else None,
            fingerprint=current.fingerprint if current else GONE,
            carried=list(self.carried()) if typed else [],
            may_change=self.may_change(self.address.alias),
        )

    def written(self) -> Any:
        """Who wrote the document, and when."""
        try:
            return stores.look(storages[self.address.alias], CONFIG)
        except NotSupported:
            return None

    def carried(self) -> Iterator[tuple[str, str]]:
        """The fields as they were sent."""
        for name, values in self.request.POST.lists():
            if name not in _OWN:
                yield from ((name, value) for value in values)

    def typed(self) -> Json:
        """What the user made of the server."""
        return ServerForm(self.request.POST).as_typed()
