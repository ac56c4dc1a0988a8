"""Renderers for the representations of a resource: JSON, browsable page, bytes, event stream.

They do not depend on the project's REST_FRAMEWORK setting, because the wire format is fixed.
"""

from __future__ import annotations

import json
from typing import Any

from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer
from rest_framework.request import Request

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
