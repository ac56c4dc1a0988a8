"""A new key."""

from __future__ import annotations

from django.contrib.messages import SUCCESS
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from ... import permissions as access
from ...handler import storages
from .. import stores
from ..addresses import EntryAddress, add_url
from ..forms import AddForm
from ..stores import MISSING, Stale
from .base import StorageView, logged_entry, saved


class AddView(StorageView):
    """GET shows an empty form, POST makes the key if it is still missing."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """The form; ``?alias=`` and ``?key=`` fill it."""
        aliases = self.aliases()
        wanted = request.GET.get("alias", "")
        alias = wanted if wanted in aliases else aliases[0]
        initial = {"alias": alias, "key": request.GET.get("key", ""), "kind": "json"}
        return self.show(AddForm(initial=initial, storage=storages[alias], aliases=aliases))

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Write, unless the key is there."""
        aliases = self.aliases()
        form = AddForm(request.POST, request.FILES, storage=storages[aliases[0]], aliases=aliases)
        if not form.is_valid():
            return self.show(form)
        address = EntryAddress(form.cleaned_data["alias"], form.cleaned_data["key"])
        self.require("add", address)
        try:
            value = form.cleaned_data["value"]
            revision = stores.put(form.storage, address.key, value, MISSING)
        except Stale:
            form.refuse_existing(address.url("change", self.site))
            return self.show(form)
        self.model_admin.log_addition(request, logged_entry(address), [{"added": {}}])
        return self.go(self.next_url(address), saved(address.label, revision), SUCCESS)

    def aliases(self) -> list[str]:
        """Those in which the user may add that key, or any; PermissionDenied if there are none."""
        request = self.request
        key = request.POST.get("key") or request.GET.get("key", "")
        found = [
            alias
            for alias in storages
            if any(access.may(request.user, "add", alias, one) for one in {"", key})
        ]
        if not found:
            raise PermissionDenied("you may not add entries")
        return found

    def show(self, form: AddForm) -> TemplateResponse:
        """The page."""
        return self.page("add", "Add entry", form=form, media=form.media)

    def next_url(self, address: EntryAddress) -> str:
        """Where the buttons lead."""
        if "_addanother" in self.request.POST:
            return add_url(self.site)
        if "_continue" in self.request.POST:
            return address.url("change", self.site)
        return self.back_url(address.alias)
