"""A new server."""

from __future__ import annotations

from django.contrib.messages import SUCCESS
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from .....exceptions import StorageError
from ....exceptions import InvalidDocument, ServerExists
from ...parts import ServerAddress
from ..forms import AddServerForm
from ..rows import rows_of
from .base import ServersView, engine_of


class AddView(ServersView):
    """GET shows an empty form, POST adds the server."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """The form; ``?alias=`` and ``?name=`` fill it."""
        aliases = self.aliases("change")
        wanted = request.GET.get("alias", "")
        alias = wanted if wanted in aliases else aliases[0]
        initial = {
            "alias": alias,
            "name": request.GET.get("name", ""),
            "enabled": True,
            "transport": "stdio",
            "sync_targets": rows_of(["all"]),
        }
        destinations = _destinations(alias)
        return self.show(AddServerForm(aliases=aliases, initial=initial, destinations=destinations))

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Add, unless there is one of the name."""
        form = AddServerForm(request.POST, aliases=self.aliases("change"))
        if not form.is_valid() or form.config is None:
            return self.show(form)
        alias, name = form.cleaned_data["alias"], form.cleaned_data["name"]
        self.require_change(alias)
        address = ServerAddress(alias, name)
        try:
            server = engine_of(alias).add_server(name, form.config, internal=form.internal)
        except ServerExists:
            form.refuse_existing(address.url("change", self.site))
            return self.show(form)
        self.note(alias, f"Added the MCP server “{name}”.")
        self.advise(server)
        return self.go(self.next_url(address), f"The MCP server “{name}” was added.", SUCCESS)

    def show(self, form: AddServerForm) -> TemplateResponse:
        """The page."""
        return self.page("form", "Add MCP server", form=form, media=form.media, may_change=True)

    def next_url(self, address: ServerAddress) -> str:
        """Where the buttons lead."""
        if "_addanother" in self.request.POST:
            return ServerAddress.page_url("add", self.site)
        if "_continue" in self.request.POST:
            return address.url("change", self.site)
        return self.list_url(address.alias)


def _destinations(alias: str) -> list[str]:
    """Suggestions, as far as they can be had."""
    try:
        return [one.name for one in engine_of(alias).list_destinations()]
    except (InvalidDocument, StorageError):
        return []
