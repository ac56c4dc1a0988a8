"""The servers as the file of a client."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from .....exceptions import InvalidValue
from .... import formats
from ....secrets import mask
from ...parts import document_of
from ..dialogs import ExportForm
from ..forms import sentence
from .base import ServersView, engine_of

_TYPES = {"json": "application/json", "yaml": "application/yaml", "toml": "application/toml"}


class ExportView(ServersView):
    """GET only: the choice with a preview, or with ``_download`` the file."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """The page or the file."""
        aliases = self.aliases("view")
        wanted = request.GET.get("alias", "")
        begin = {
            "alias": wanted if wanted in aliases else aliases[0],
            "format": "mcpServers",
            "secrets": "on",
        }
        sent = "format" in request.GET
        form = ExportForm(request.GET if sent else begin, aliases=aliases)
        text = name = ""
        warnings: Sequence[str] = ()
        if form.is_valid():
            try:
                text, name, warnings = self.exported(form, "_download" not in request.GET)
            except InvalidValue as error:
                form.add_error("syntax", sentence(error))
        if "_download" in request.GET and form.is_valid():
            return _file(text, name)
        alias = form.cleaned_data.get("alias", begin["alias"])
        return self.page(
            "export",
            "Export MCP servers",
            form=form,
            text=text,
            warnings=warnings,
            may_change=self.may_change(alias),
        )

    def exported(self, form: ExportForm, masked: bool) -> tuple[str, str, Sequence[str]]:
        """The text, the file's name, warnings. On the page secrets are masked in any case."""
        cleaned = form.cleaned_data
        alias = cleaned["alias"]
        self.require("view", document_of(alias))
        format = formats.get(cleaned["format"])
        syntax = cleaned["syntax"] or format.syntax
        exported = engine_of(alias).export_config(
            format, syntax=syntax, include_disabled=cleaned["include_disabled"]
        )
        text: str = exported
        if masked or not (cleaned["secrets"] and self.may_change(alias)):
            text = formats.dumps(mask(formats.loads(text, syntax)), syntax)
        return text, f"{format.name}.{syntax}", exported.warnings


def _file(text: str, name: str) -> HttpResponse:
    syntax = name.rpartition(".")[2]
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(text, f"{_TYPES[syntax]}; charset=utf-8", headers=headers)
