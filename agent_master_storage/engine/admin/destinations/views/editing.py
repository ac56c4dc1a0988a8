"""One destination: shown, and edited by those who may."""

from __future__ import annotations

from django.contrib.messages import INFO
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from ....destinations.destination import FILE, STORAGE, Destination
from ....exceptions import DestinationChanged, InvalidDestination
from ..forms import FIELDS, DestinationForm
from .base import DestinationPage, facts


class EditView(DestinationPage):
    """GET shows the destination, POST writes it if it is still the one that was shown."""

    def get(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The form, or the destination alone for those who may but view it."""
        self.require("view", self.address.document)
        found = self.found()
        may_change = self.may_change(self.address.alias)
        return self.show(found, DestinationForm(destination=found) if may_change else None)

    def post(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """A save. What somebody else made of it meanwhile is shown beside the form."""
        self.require("view", self.address.document)
        self.require_change(self.address.alias)
        found = self.found()
        form = DestinationForm(request.POST, destination=found)
        seen = request.POST.get("fingerprint", "")
        if found.fingerprint != seen:
            return self.conflict(found, form)
        if not form.is_valid():
            return self.show(found, form)
        try:
            return self.save(found, form)
        except InvalidDestination as error:
            form.refuse(error)
            return self.show(found, form)
        except DestinationChanged:
            return self.conflict(self.found(), form)

    def save(self, found: Destination, form: DestinationForm) -> HttpResponseBase:
        """Write what differs."""
        given = {name: form.cleaned_data[name] for name in FIELDS}
        given["config_format"] = given["config_format"] or found.config_format
        given["type"] = FILE if given["config_path"] else STORAGE
        changed = {name: part for name, part in given.items() if part != getattr(found, name)}
        if not changed:
            return self.go(self.next_url(), "Nothing was changed, and nothing written.", INFO)
        name = self.address.name
        self.engine.update_destination(name, if_unchanged=found.fingerprint, **changed)
        self.note(self.address.alias, f"Changed the MCP destination “{name}”.")
        return self.go(self.next_url(), f"The MCP destination “{name}” was saved.")

    def conflict(self, found: Destination, form: DestinationForm) -> TemplateResponse:
        """What was typed, and what is there now: a save from here replaces it."""
        form.is_valid()
        return self.show(found, form, 409, stored=facts(found))

    def show(
        self,
        found: Destination,
        form: DestinationForm | None,
        status: int = 200,
        stored: object = None,
    ) -> TemplateResponse:
        """The page of a destination."""
        return self.page(
            "form",
            self.address.name,
            status,
            destination=found,
            fingerprint=found.fingerprint,
            facts=facts(found),
            form=form,
            stored=stored,
            may_change=form is not None,
        )

    def next_url(self) -> str:
        """Where a save leads."""
        if "_continue" in self.request.POST:
            return self.address.url("change", self.site)
        return self.list_url()
