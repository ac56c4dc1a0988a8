"""One key: shown, and edited by those who may."""

from __future__ import annotations

from django.contrib.messages import INFO, WARNING
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from ...exceptions import InvalidValue
from .. import stores
from ..content import Content
from ..forms import EditForm, MineForm
from ..stores import MISSING, Stale, Stored
from .base import saved
from .conflicts import ConflictView


class EditView(ConflictView):
    """GET shows the value, POST writes it if it is still the one that was shown."""

    def get(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The form, or the value alone for those who may but view it."""
        self.require("view", self.address)
        stored = stores.look(self.storage, self.address.key)
        if stored is None:
            return self.missing()
        if not self.may("change", self.address):
            return self.show(stored, None)
        return self.show(stored, EditForm.showing(self.storage, stored))

    def post(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """A save, or what was decided on the page of a conflict."""
        self.require("view", self.address)
        if "mine" in request.POST:
            return self.decide()
        self.require("change", self.address)
        seen = request.POST.get("revision", "")
        current = stores.look(self.storage, self.address.key)
        form = EditForm(
            request.POST, request.FILES, storage=self.storage, base=self.base(seen, current)
        )
        if not form.is_valid():
            shown = current or form.base
            return self.show(shown, form) if shown else self.missing()
        value = form.cleaned_data["value"]
        if value is None:
            return self.go(self.next_url(), "Nothing was changed, and nothing written.", INFO)
        return self.write(value, seen)

    def decide(self) -> HttpResponseBase:
        """Overwrite the newer version with one's own, or go on editing it."""
        form = MineForm(self.request.POST)
        if not form.is_valid():
            raise InvalidValue(f"your version did not arrive whole: {form.errors.as_text()}")
        mine, seen = Content(form.cleaned_data["mine"]), form.cleaned_data["revision"]
        self.require("add" if seen == MISSING else "change", self.address)
        if "_resume" not in self.request.POST:
            return self.write(mine.value, seen)
        current = stores.look(self.storage, self.address.key)
        if current is None or current.seen != seen:
            return self.conflict(mine, seen)
        self.say("Saving will replace the newer version with yours.", WARNING)
        return self.show(current, EditForm.showing(self.storage, current, mine))

    def write(self, value: bytes, seen: str) -> HttpResponseBase:
        """Put the value, unless something newer is there."""
        try:
            revision = stores.put(self.storage, self.address.key, value, seen)
        except Stale:
            return self.conflict(Content(value), seen)
        if seen == MISSING:
            self.model_admin.log_addition(self.request, self.logged_entry, [{"added": {}}])
        else:
            changed = [{"changed": {"fields": ["value"]}}]
            self.model_admin.log_change(self.request, self.logged_entry, changed)
        return self.go(self.next_url(), saved(self.address.label, revision))

    def show(self, stored: Stored, form: EditForm | None) -> TemplateResponse:
        """The page of a key."""
        return self.page(
            "entry",
            self.address.label,
            stored=stored,
            content=stored.content,
            form=form,
            media=form.media if form else None,
            may_delete=self.may("delete", self.address),
        )

    def missing(self) -> HttpResponseBase:
        """Lead back to the list, as Django's admin does for an object that is gone."""
        text = f"There is no entry “{self.address.label}” in {self.address.alias}."
        return self.go(self.back_url(self.address.alias), text, WARNING)

    def next_url(self) -> str:
        """Where a save leads."""
        if "_continue" in self.request.POST:
            return self.request.get_full_path()
        return self.back_url(self.address.alias)
