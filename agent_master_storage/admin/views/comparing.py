"""One change: what it did, as a diff, and the way back."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ...exceptions import RevisionCompacted
from ...types import Change
from .. import log, stores
from ..addresses import ChangeAddress
from ..content import Content
from ..diffs import Diff, compare
from ..stores import MISSING
from .base import EntryView


class DiffView(EntryView):
    """Compares with the value before the change, or with ``?against=present`` the one now."""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Find the change that the URL means."""
        change = ChangeAddress.of(kwargs["object_id"])
        self.revision = change.revision
        super().setup(request, *args, object_id=change.entry.quoted)

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """The diff, read-only."""
        self.require("view", self.address)
        change = log.change_at(self.storage, self.address.key, self.revision)
        current = stores.look(self.storage, self.address.key)
        after = None if change.value is None else Content(change.value)
        against_present = request.GET.get("against") == "present"
        if against_present:
            diff = compare(after, stores.content_of(current))
        else:
            diff = self.difference(change, after)
        restorable = after is not None and (not current or current.revision != change.revision)
        return self.page(
            "change",
            f"{self.address.label} at revision {change.revision}",
            line=log.line_of(self.address.alias, change),
            previous=str(change.previous_revision or ""),
            revision=str(change.revision),
            current=current,
            diff=diff,
            against_present=against_present,
            seen=current.seen if current else MISSING,
            may_restore=restorable and self.may("change" if current else "add", self.address),
        )

    def difference(self, change: Change, after: Content | None) -> Diff:
        """What the change did to the value."""
        if not change.previous_revision:
            return compare(None, after)
        try:
            before = stores.look_back(self.storage, change.key, change.previous_revision)
        except RevisionCompacted as error:
            return Diff(note=f"The value before is gone: {error}.")
        return compare(stores.content_of(before), after)
