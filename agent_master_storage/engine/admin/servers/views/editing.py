"""One server: shown, and edited by those who may."""

from __future__ import annotations

from django.contrib.messages import INFO, WARNING
from django.http import Http404, HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from ..... import serialization as wire
from .....admin.jsontext import pretty
from .... import Document, Server
from ....exceptions import ServerChanged, ServerExists, ServerNotFound
from ....secrets import advice, mask
from ..forms import ServerForm
from ..secrets import Original
from .base import ServerPage, shown
from .conflicts import GONE, ConflictPage

#: of ``internal``, what the page shows in words or as a field
_SHOWN = {
    "enabled",
    "lastSynced",
    "lastModified",
    "source",
    "createdBy",
    "syncTargets",
}


class EditView(ConflictPage):
    """GET shows the server, POST writes it if it is still the one that was shown."""

    def get(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The form, or the server alone for those who may but view it."""
        self.require("view", self.address.document)
        document, server = self.found()
        if server is None:
            raise ServerNotFound(self.address.name)
        if not self.may_change(self.address.alias):
            return self.show(document, server, None)
        reveal = "reveal" in request.GET
        form = ServerForm(server=server, destinations=_destinations(document), reveal=reveal)
        return self.show(document, server, form, revealed=reveal)

    def post(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """A save, or what was decided on the page of a conflict."""
        self.require("view", self.address.document)
        self.require_change(self.address.alias)
        seen = request.POST.get("fingerprint", "")
        document, server = self.found()
        if (server.fingerprint if server else GONE) != seen:
            return self.conflict(self.typed())
        form = ServerForm(
            request.POST,
            server=server,
            server_name=self.address.name,
            destinations=_destinations(document),
        )
        if "_resume" in request.POST and server is not None:
            self.say("Saving will replace the newer version with yours.", WARNING)
            return self.show(document, server, form)
        if not form.is_valid():
            return self.show(document, server, form)
        try:
            return self.save(server, form)
        except (ServerChanged, ServerNotFound, ServerExists):
            return self.conflict(self.typed())

    def save(self, server: Server | None, form: ServerForm) -> HttpResponseBase:
        """Write what differs."""
        name, internal = self.address.name, form.changed_internal
        if server is None:
            assert form.config is not None
            saved = self.engine.add_server(name, form.config, internal=internal)
        elif not form.changes_config and not internal:
            return self.go(self.next_url(), "Nothing was changed, and nothing written.", INFO)
        else:
            saved = self.engine.update_server(
                name,
                form.config if form.changes_config else None,
                internal=internal,
                if_unchanged=server.fingerprint,
                replace=True,
            )
        self.note(self.address.alias, f"Changed the MCP server “{name}”.")
        self.advise(saved)
        return self.go(self.next_url(), f"The MCP server “{name}” was saved.")

    def show(
        self,
        document: Document,
        server: Server | None,
        form: ServerForm | None,
        revealed: bool = False,
    ) -> TemplateResponse:
        """The page of a server."""
        internal = server.internal.to_dict() if server else {}
        rest = {name: part for name, part in internal.items() if name not in _SHOWN}
        return self.page(
            "form",
            self.address.name,
            server=server,
            content=shown(server),
            form=form,
            media=form.media if form else None,
            fingerprint=server.fingerprint if server else GONE,
            advice=advice(server.config.to_dict()) if server else [],
            internal_rest=pretty(wire.dumps(mask(rest))) if rest else "",
            revealed=revealed,
            may_change=form is not None,
        )

    def next_url(self) -> str:
        """Where a save leads."""
        if "_continue" in self.request.POST:
            return self.address.url("change", self.site)
        return self.list_url()


class RevealView(ServerPage):
    """One secret, for those who may change it: ``?field=env&name=TOKEN``."""

    def get(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The value as JSON."""
        self.require("change", self.address.document)
        server = self.engine.get_server(self.address.name)
        field, name = request.GET.get("field", ""), request.GET.get("name", "")
        secret = Original(server.config).secret(field, name)
        if secret is None:
            raise Http404("there is no such value")
        return JsonResponse({"value": secret}, headers={"Cache-Control": "no-store"})


def _destinations(document: Document) -> list[str]:
    found = document.data.get("targets")
    return sorted(found) if isinstance(found, dict) else []
