"""One server: deleted after a confirmation."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ....exceptions import ServerChanged, ServerNotFound
from .base import shown
from .conflicts import ConflictPage


class DeleteView(ConflictPage):
    """GET asks, POST deletes what was shown when it was asked."""

    def get(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The question."""
        self.require_change(self.address.alias)
        _, server = self.found()
        if server is None:
            raise ServerNotFound(self.address.name)
        return self.page("delete", "Are you sure?", server=server, content=shown(server))

    def post(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The answer."""
        self.require_change(self.address.alias)
        seen = request.POST.get("fingerprint")
        if seen is None:
            return self.get(request, object_id)
        name = self.address.name
        try:
            self.engine.remove_server(name, if_unchanged=seen)
        except ServerChanged:
            return self.conflict(None)
        self.note(self.address.alias, f"Deleted the MCP server “{name}”.")
        return self.go(self.list_url(), f"The MCP server “{name}” was deleted.")
