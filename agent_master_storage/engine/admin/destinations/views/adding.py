"""A new destination."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from ....exceptions import DestinationExists, InvalidDestination
from ...document_view import engine_of
from ...parts import DestinationAddress
from ..forms import AddDestinationForm
from .base import DestinationsView


class AddView(DestinationsView):
    """GET shows an empty form, POST adds the destination, and leads to what a sync would do."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """The form; ``?alias=`` chooses the storage."""
        aliases = self.aliases("change")
        wanted = request.GET.get("alias", "")
        initial = {"alias": wanted if wanted in aliases else aliases[0]}
        return self.show(AddDestinationForm(aliases=aliases, initial=initial))

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Add, unless there is one of the name."""
        form = AddDestinationForm(request.POST, aliases=self.aliases("change"))
        if not form.is_valid():
            return self.show(form)
        fields = dict(form.cleaned_data)
        alias, name = fields.pop("alias"), fields.pop("name")
        self.require_change(alias)
        path, format = fields.pop("config_path"), fields.pop("config_format")
        try:
            engine_of(alias).add_destination(name, path, format, **fields)
        except InvalidDestination as error:
            form.refuse(error)
            return self.show(form)
        except DestinationExists:
            form.add_error("name", "There is such a destination already.")
            return self.show(form)
        self.note(alias, f"Added the MCP destination “{name}”.")
        address = DestinationAddress(alias, name)
        return self.go(
            self.next_url(address),
            f"The MCP destination “{name}” was added. Nothing was written yet.",
        )

    def show(self, form: AddDestinationForm) -> TemplateResponse:
        """The page."""
        return self.page("form", "Add MCP destination", form=form, may_change=True)

    def next_url(self, address: DestinationAddress) -> str:
        """Where the buttons lead; the first one, to what a sync would do."""
        if "_addanother" in self.request.POST:
            return DestinationAddress.page_url("add", self.site)
        page = "change" if "_continue" in self.request.POST else "sync"
        return address.url(page, self.site)
