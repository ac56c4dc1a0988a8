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
    """Render JSON as UTF-8; only characters that UTF-8 cannot encode are escaped."""

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
            # A stored document may contain the escape of a lone surrogate.
            return json.dumps(data, **layout).encode()


class PageRenderer(BrowsableAPIRenderer):
    """Render DRF's browsable page. It shows and sends JSON: HTML forms cannot hold bytes."""

    def get_default_renderer(self, view: Any) -> BaseRenderer:
        return JsonRenderer()

    def get_breadcrumbs(self, request: Request) -> Any:
        context: Any = self.renderer_context  # type: ignore[attr-defined]
        return context["view"].breadcrumbs()


class OctetRenderer(BaseRenderer):
    """Render the bytes of a value.

    The content type is always ``application/octet-stream``, so that a browser never executes a
    stored HTML page.
    """

    media_type = OCTETS
    format = "raw"
    charset = None
    render_style = "binary"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        return b"" if data is None else data


class EventRenderer(BaseRenderer):
    """Represent the event stream in content negotiation; ``sse.py`` writes the stream itself."""

    media_type = EVENT_STREAM
    format = "events"
    charset = "utf-8"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        return data
