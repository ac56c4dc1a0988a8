"""Content negotiation: which representation of a resource the client gets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.http.request import MediaType
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from .exceptions import NotAcceptable


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
