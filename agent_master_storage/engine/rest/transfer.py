"""Import of a client's configuration, and export as one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from ...exceptions import InvalidValue
from ...rest import params
from ...rest import parsers as bodies
from ...rest.negotiation import Negotiation
from ...rest.renderers import JsonRenderer
from .. import formats
from .. import representations as faces
from ..formats.limits import MAX_SIZE
from ..secrets import mask
from . import openapi
from .base import DocumentView

#: from media type to syntax
SYNTAXES = {
    "application/json": "json",
    "application/yaml": "yaml",
    "application/x-yaml": "yaml",
    "text/yaml": "yaml",
    "application/toml": "toml",
}

#: that a header has room for
MOST_WARNINGS = 10

_TYPES = {"json": "application/json", "yaml": "application/yaml", "toml": "application/toml"}


class ImportView(DocumentView):
    """Takes over servers."""

    name = "Import"

    @openapi.described("engine_import", openapi.IMPORT)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Import the servers of a client's configuration, all of them or none.

        The body is the file, in JSON, YAML or TOML.
        """
        query = request.query_params
        data = bodies.read(request, MAX_SIZE)
        dry_run = params.flag(request, "dry_run", False)
        with self.acting():
            result = self.changing().import_config(
                data,
                query.get("format") or None,
                params.text(request, "mode", "merge"),  # type: ignore[arg-type]
                query.getlist("server") or None,
                syntax=query.get("syntax") or SYNTAXES.get(bodies.media_type(request)),
                dry_run=dry_run,
            )
        return Response(faces.imported(result, dry_run=dry_run), headers=self.look().headers)


class _Anything(Negotiation):
    """``?format=`` names a client here, and the answer is the client's file."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return JsonRenderer(), JsonRenderer.media_type

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> Any:
        return None


class ExportView(DocumentView):
    """Gives servers."""

    name = "Export"
    content_negotiation_class = _Anything

    @openapi.described("engine_export", openapi.EXPORT)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Export the servers as the file of a client.

        Literal secrets are in it for those who may change the document; others get masks.
        What the client has no word for is told in the header ``Export-Warnings``, a JSON list.
        """
        query = request.query_params
        secrets = self.shows_secrets(self.may_change())
        format = formats.get(params.text(request, "format", "mcpServers"))
        syntax = query.get("syntax") or format.syntax
        look = self.look()
        if answer := self.unchanged(look):
            return answer
        exported = self.engine.export_config(
            format,
            syntax=syntax,
            names=query.getlist("server") or None,
            include_disabled=params.flag(request, "include_disabled", False),
        )
        headers = look.headers | _warned(exported.warnings)
        text: str = exported
        if not secrets:
            text = formats.dumps(mask(formats.loads(text, syntax)), syntax)
        return file(text, f"{format.name}.{syntax}", syntax, headers)


def _warned(warnings: Sequence[str]) -> dict[str, str]:
    """A header, as the body is the client's file."""
    told = list(warnings[:MOST_WARNINGS])
    if more := len(warnings) - len(told):
        told.append(f"and {more} more")
    return {"Export-Warnings": json.dumps(told)} if told else {}


def file(text: str, name: str, syntax: str, headers: dict[str, str]) -> HttpResponse:
    """A download."""
    if syntax not in _TYPES:
        raise InvalidValue(f"there is no syntax {syntax!r}")
    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    content_type = f"{_TYPES[syntax]}; charset=utf-8"
    return HttpResponse(text, content_type, headers={**headers, "Content-Disposition": disposition})
