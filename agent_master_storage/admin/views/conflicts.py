"""The page for an edit, a deletion or a restore that met another version than was seen."""

from __future__ import annotations

import base64

from django.template.response import TemplateResponse

from ...exceptions import NotSupported, RevisionCompacted
from ...permissions import Action
from .. import stores
from ..content import Content, editable_size
from ..diffs import compare
from ..log import last_change
from ..stores import MISSING, Stored
from .base import EntryView


class ConflictView(EntryView):
    """A page that can end in a conflict: nothing was changed, both versions are shown."""

    def conflict(self, mine: Content | None, seen: str) -> TemplateResponse:
        """Show the version that is there and ``mine``; None: it was to be deleted.

        What the user decides is sent with the version shown here, so that it is refused
        again when yet another one has come.
        """
        current = stores.look(self.storage, self.address.key)
        action: Action = "delete" if mine is None else "change" if current else "add"
        return self.page(
            "conflict",
            f"{self.address.label} was changed meanwhile",
            409,
            current=current,
            mine=mine,
            opened=stores.revision_of(seen),
            gone=None if current else last_change(self.storage, self.address.key),
            diff=compare(stores.content_of(current), mine) if mine else None,
            seen=current.seen if current else MISSING,
            packed=_pack(mine),
            may_view=self.may("view", self.address),
            may_overwrite=self.may(action, self.address),
            may_go_on=bool(mine and current and mine.kind != "file"),
        )

    def base(self, seen: str, current: Stored | None) -> Stored | None:
        """The version that the user saw; the present one where that can't be told."""
        revision = stores.revision_of(seen)
        if not revision or (current and current.seen == seen):
            return current
        try:
            return stores.look_back(self.storage, self.address.key, revision) or current
        except (RevisionCompacted, NotSupported):
            return current


def _pack(mine: Content | None) -> str | None:
    """The bytes for a hidden field; None when they are too many for one."""
    if mine is None or mine.size > editable_size():
        return None
    return base64.b64encode(mine.value).decode("ascii")
