"""Request bodies: media types for DRF, and functions that read a body with a size limit."""

from __future__ import annotations

from typing import Any

from django.utils.http import parse_header_parameters
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from .. import serialization
from ..exceptions import InvalidValue, ValueTooLarge
from .exceptions import LengthRequired
from .renderers import OCTETS, JsonRenderer

MERGE_PATCH = "application/merge-patch+json"

#: JSON needs up to six bytes for one byte of a value (a control character is escaped)
MAX_EXPANSION = 6
#: bytes of JSON around a value
OVERHEAD = 64 * 1024


class _MediaTypeParser(BaseParser):
    """Declare a media type for OpenAPI and the browsable page, without parsing anything.

    The views read bodies themselves with the functions below: DRF's parsers treat a chunked body
    as empty and have no size limit.
    """

    def parse(self, stream: Any, *args: Any, **kwargs: Any) -> Any:
        return {}


class JsonParser(_MediaTypeParser):
    media_type = "application/json"
    renderer_class = JsonRenderer


class MergePatchParser(_MediaTypeParser):
    media_type = MERGE_PATCH


class OctetParser(_MediaTypeParser):
    media_type = OCTETS


def media_type(request: Request) -> str:
    """Return the body's media type in lower case and without parameters; empty if not given."""
    return str(request.content_type or "").partition(";")[0].strip().lower()


def read(request: Request, limit: int) -> bytes:
    """Return the whole body.

    Raises:
        ValueTooLarge: The body has more than ``limit`` bytes.
        UnsupportedMediaType: The body is compressed. Values are stored as they were sent.
    """
    coding = request.headers.get("Content-Encoding", "").strip().lower()
    if coding not in ("", "identity"):
        raise UnsupportedMediaType(coding, "send the body without a Content-Encoding")
    body: bytes = _stream(request).read(limit + 1)
    if len(body) > limit:
        raise ValueTooLarge(f"the body is larger than the {limit} bytes allowed")
    return body


def read_json(request: Request, limit: int, *media_types: str) -> Any:
    """Return the JSON document in the body.

    Raises:
        InvalidValue: The body is not JSON.
        ValueTooLarge: The body has more than ``limit`` bytes.
        UnsupportedMediaType: The Content-Type is not one of ``media_types``.
    """
    if media_type(request) not in media_types:
        raise UnsupportedMediaType(
            request.content_type or "none", f"send the body as {' or '.join(media_types)}"
        )
    _, parameters = parse_header_parameters(request.content_type)
    if parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(request.content_type, "send JSON as UTF-8")
    return serialization.loads(read(request, limit))


def read_object(request: Request, limit: int) -> dict[str, Any]:
    """Return the JSON object in an ``application/json`` body; see read_json() for the errors."""
    document = read_json(request, limit, "application/json")
    if not isinstance(document, dict):
        raise InvalidValue("the body must be a JSON object")
    return document


def json_limit(size: int) -> int:
    """Return the largest number of bytes of JSON that can hold a value of ``size`` bytes."""
    return size * MAX_EXPANSION + OVERHEAD


def _stream(request: Request) -> Any:
    """Return the stream to read the body from. DRF treats a body without a length as empty."""
    http = request._request
    chunked = "chunked" in http.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    environ = getattr(http, "environ", None)
    if environ is None or not chunked or http.META.get("CONTENT_LENGTH"):
        return http
    # WSGI servers set this if they end the stream with the body.
    if environ.get("wsgi.input_terminated"):
        return environ["wsgi.input"]
    raise LengthRequired("this server does not accept chunked bodies; send a Content-Length")
