"""One server: given another name."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from ....exceptions import ServerExists, ServerNotFound
from ...parts import ServerAddress
from ..dialogs import RenameForm
from .base import ServerPage


class RenameView(ServerPage):
    """GET asks for the name, POST gives it. All else of the server stays as others made it."""

    def get(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The form."""
        self.require_change(self.address.alias)
        if self.found()[1] is None:
            raise ServerNotFound(self.address.name)
        return self.show(RenameForm(initial={"new_name": self.address.name}, label_suffix=""))

    def post(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Rename, unless there is one of the name."""
        self.require_change(self.address.alias)
        form = RenameForm(request.POST, label_suffix="")
        if not form.is_valid():
            return self.show(form)
        old, new = self.address.name, form.cleaned_data["new_name"]
        try:
            self.engine.rename_server(old, new)
        except ServerExists:
            form.add_error("new_name", "There is such a server already.")
            return self.show(form)
        self.note(self.address.alias, f"Renamed the MCP server “{old}” to “{new}”.")
        renamed = ServerAddress(self.address.alias, new)
        return self.go(renamed.url("change", self.site), f"“{old}” is “{new}” now.")

    def show(self, form: RenameForm) -> TemplateResponse:
        """The page."""
        return self.page("rename", f"Rename {self.address.name}", form=form)
