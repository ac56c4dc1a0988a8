"""An older value of a key, written again: a new change like any other."""

from __future__ import annotations

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from .. import stores
from ..addresses import known_revision
from ..stores import MISSING, Stale
from .base import saved
from .conflicts import ConflictView


class RestoreView(ConflictView):
    """POST only; ``to`` is the revision whose value comes back."""

    def post(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Write the older value over the one that was shown."""
        seen = request.POST.get("revision", "")
        self.require("view", self.address)
        self.require("add" if seen == MISSING else "change", self.address)
        to = known_revision(request.POST.get("to", ""))
        older = stores.look_back(self.storage, self.address.key, to)
        if older is None:
            raise Http404(f"there was no {self.address.key!r} at revision {to}")
        try:
            revision = stores.put(self.storage, self.address.key, older.content.value, seen)
        except Stale:
            return self.conflict(older.content, seen)
        message = f"Restored the value of revision {to}."
        self.model_admin.log_change(request, self.logged_entry, message)
        return self.go(self.url("change"), f"{saved(self.address.label, revision)} {message}")
