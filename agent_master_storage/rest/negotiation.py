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

#: quality and specificity of the media range that decides about a renderer, and its place in
#: the header, negated: of two ranks the greater is preferred
_Rank = tuple[float, int, int]


class Negotiation(BaseContentNegotiation):
    """Choose a renderer by the Accept header and its q-values.

    ``?raw`` and ``?format=`` take precedence over the header.
    """

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> Any:
        return next(iter(parsers), None)

    def select_renderer(  # type: ignore[override]
        self,
        request: Request,
        renderers: Sequence[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        by_format = {renderer.format: renderer for renderer in renderers}
        query = request.query_params
        wanted = by_format.get("raw" if "raw" in query else query.get("format", ""))
        renderer = wanted or _preferred(request.headers.get("Accept", "*/*"), renderers)
        if renderer is None:
            offered = ", ".join(str(renderer.media_type) for renderer in renderers)
            raise NotAcceptable(
                "none of the available representations is acceptable to the client;"
                f" available: {offered}"
            )
        return renderer, str(renderer.media_type)


def _preferred(accept: str, renderers: Sequence[BaseRenderer]) -> BaseRenderer | None:
    """Return the renderer that the Accept header prefers, or None if it accepts none of them."""
    # Django's request.accepted_types omits ranges with q=0, which exclude a representation.
    ranges = [MediaType(text) for text in accept.split(",") if text.strip()]
    if not ranges:
        return renderers[0]
    ranks = [(_rank(ranges, str(renderer.media_type)), renderer) for renderer in renderers]
    accepted = [(rank, renderer) for rank, renderer in ranks if rank is not None and rank[0] > 0]
    if accepted:
        # max() returns the first of equals: the order of the renderers decides.
        return max(accepted, key=lambda pair: pair[0])[1]
    # A value has no type that is known to the server, so its bytes satisfy a request for any
    # type, unless the client excludes them explicitly.
    return next((r for rank, r in ranks if rank is None and r.format == "raw"), None)


def _rank(ranges: Sequence[MediaType], offered: str) -> _Rank | None:
    """Return the rank that the most specific matching range gives to a media type.

    None: no range matches. The more specific range takes precedence (RFC 9110, 12.5.1), so that
    ``application/json;q=0, */*`` excludes JSON. Parameters such as a charset are ignored.
    """
    main, _, sub = offered.partition("/")
    matches = [
        (min(accepted.specificity, 2), _quality(accepted), -position)
        for position, accepted in enumerate(ranges)
        if accepted.main_type in ("*", main) and accepted.sub_type in ("*", sub)
    ]
    if not matches:
        return None
    specificity, quality, position = max(matches)
    return quality, specificity, position


def _quality(accepted: MediaType) -> float:
    # Django ignores q-values out of range, but lets "nan" through.
    quality = float(accepted.quality)
    return quality if 0 <= quality <= 1 else 1.0
