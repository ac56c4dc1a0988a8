"""One destination: forgotten after a confirmation; what was written there stays."""

from __future__ import annotations

from django.contrib.messages import WARNING
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ....exceptions import DestinationChanged
from .base import DestinationPage, facts


class DeleteView(DestinationPage):
    """GET asks, POST forgets what was shown when it was asked."""

    def get(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The question."""
        self.require_change(self.address.alias)
        found = self.found()
        fingerprint = found.fingerprint
        return self.page("delete", "Are you sure?", facts=facts(found), fingerprint=fingerprint)

    def post(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The answer."""
        self.require_change(self.address.alias)
        name, seen = self.address.name, request.POST.get("fingerprint", "")
        try:
            self.engine.remove_destination(name, if_unchanged=seen)
        except DestinationChanged:
            self.say("Nothing was deleted: it was changed meanwhile. Look again.", WARNING)
            return self.get(request, object_id)
        self.note(self.address.alias, f"Deleted the MCP destination “{name}”.")
        return self.go(self.list_url(), f"The MCP destination “{name}” was deleted.")
