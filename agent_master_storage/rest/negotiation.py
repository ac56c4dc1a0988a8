"""Which face of a resource the client gets: JSON, a page for people, bytes, or events.

Ours whatever the project's REST_FRAMEWORK says, because the wire format is a promise.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.http.request import MediaType
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer
from rest_framework.request import Request

from .exceptions import NotAcceptable

MERGE_PATCH = "application/merge-patch+json"
EVENT_STREAM = "text/event-stream"
OCTETS = "application/octet-stream"


class JsonRenderer(BaseRenderer):
    """UTF-8 without escapes, except for what UTF-8 can't hold."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        if data is None:
            return b""
        context = (args[1] if len(args) > 1 else kwargs.get("renderer_context")) or {}
        layout: dict[str, Any] = {"separators": (",", ":")}
        if context.get("indent"):
            layout = {"indent": context["indent"]}
        try:
            return json.dumps(data, ensure_ascii=False, **layout).encode()
        except UnicodeEncodeError:
            # A stored document may hold a lone surrogate, as an escape.
            return json.dumps(data, **layout).encode()


class PageRenderer(BrowsableAPIRenderer):
    """The browsable page. It shows and takes JSON: people's other forms can't hold bytes."""

    def get_default_renderer(self, view: Any) -> BaseRenderer:
        return JsonRenderer()

    def get_breadcrumbs(self, request: Request) -> Any:
        context: Any = self.renderer_context  # type: ignore[attr-defined]
        return context["view"].breadcrumbs()


class OctetRenderer(BaseRenderer):
    """The value's bytes. Under this type and no other: a stored page must never run as one."""

    media_type = OCTETS
    format = "raw"
    charset = None
    render_style = "binary"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        return b"" if data is None else data


class EventRenderer(BaseRenderer):
    """Stands for the stream in the negotiation; the stream renders itself."""

    media_type = EVENT_STREAM
    format = "events"
    charset = "utf-8"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        return data


class _Parser(BaseParser):
    """Stands for a media type in the docs and the browsable form; views read bodies themselves.

    DRF's parsers take a chunked body for an empty one, and know no limit.
    """

    def parse(self, stream: Any, *args: Any, **kwargs: Any) -> Any:
        return {}


class JsonParser(_Parser):
    media_type = "application/json"
    renderer_class = JsonRenderer


class MergePatchParser(_Parser):
    media_type = MERGE_PATCH


class OctetParser(_Parser):
    media_type = OCTETS


class Negotiation(BaseContentNegotiation):
    """Chooses by the Accept header and its q-values; ``?raw`` and ``?format=`` come first."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> Any:
        return next(iter(parsers), None)

    def select_renderer(  # type: ignore[override]
        self,
        request: Request,
        renderers: Sequence[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        by_format = {renderer.format: renderer for renderer in renderers}
        wanted = "raw" if "raw" in request.query_params else request.query_params.get("format")
        renderer = by_format.get(wanted or "") or _preferred(request, renderers)
        # An entry may be had as whatever its bytes are.
        renderer = renderer or by_format.get("raw")
        if renderer is None:
            offered = ", ".join(str(renderer.media_type) for renderer in renderers)
            raise NotAcceptable(f"this is to be had as {offered}")
        return renderer, str(renderer.media_type)


def _preferred(request: Request, renderers: Sequence[BaseRenderer]) -> BaseRenderer | None:
    accepted = sorted(
        request._request.accepted_types,
        key=lambda media_type: (media_type.quality, media_type.specificity),
        reverse=True,
    )
    for media_type in accepted:
        for renderer in renderers:
            if media_type.quality and _fits(media_type, str(renderer.media_type)):
                return renderer
    return None if accepted else renderers[0]


def _fits(accepted: MediaType, offered: str) -> bool:
    """Without regard to parameters such as a charset."""
    main, _, sub = offered.partition("/")
    return accepted.main_type in ("*", main) and accepted.sub_type in ("*", sub)
