"""One key: deleted after a confirmation."""

from __future__ import annotations

from django.contrib.messages import WARNING
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .. import stores
from ..stores import Stale
from .conflicts import ConflictView


class DeleteView(ConflictView):
    """GET asks, POST deletes what was shown when it was asked."""

    def get(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The question."""
        self.require("delete", self.address)
        stored = stores.look(self.storage, self.address.key)
        if stored is None:
            return self.gone()
        may_view = self.may("view", self.address)
        return self.page("delete", "Are you sure?", stored=stored, may_view=may_view)

    def post(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The answer."""
        self.require("delete", self.address)
        seen = request.POST.get("revision")
        if seen is None:
            return self.get(request, object_id)
        try:
            stores.remove(self.storage, [(self.address.key, seen)])
        except Stale:
            if stores.look(self.storage, self.address.key) is None:
                return self.gone()
            return self.conflict(None, seen)
        self.model_admin.log_deletions(request, [self.logged_entry])  # type: ignore[arg-type]
        text = f"“{self.address.label}” was deleted."
        return self.go(self.back_url(self.address.alias), text)

    def gone(self) -> HttpResponseBase:
        """There is nothing left to delete."""
        text = f"There is no entry “{self.address.label}” in {self.address.alias}."
        return self.go(self.back_url(self.address.alias), text, WARNING)
