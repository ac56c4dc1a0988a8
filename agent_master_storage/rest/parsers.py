"""Reading a request's body: whole or not at all, and never more than is allowed."""

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

#: JSON may need six bytes for one of a value (a control character as an escape)
MAX_EXPANSION = 6
#: bytes of JSON around a value
OVERHEAD = 64 * 1024


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


def media_type(request: Request) -> str:
    """The body's media type without parameters, lower case; empty when there is none."""
    return str(request.content_type or "").partition(";")[0].strip().lower()


def read(request: Request, limit: int) -> bytes:
    """The whole body; ValueTooLarge when it has more than ``limit`` bytes.

    UnsupportedMediaType when it is compressed: what is stored is what was sent.
    """
    coding = request.headers.get("Content-Encoding", "").strip().lower()
    if coding not in ("", "identity"):
        raise UnsupportedMediaType(coding, "send the body as it is, without a Content-Encoding")
    body: bytes = _stream(request).read(limit + 1)
    if len(body) > limit:
        raise ValueTooLarge(f"the body has more than the {limit} bytes allowed")
    return body


def read_json(request: Request, limit: int, *media_types: str) -> Any:
    """The body as JSON; UnsupportedMediaType unless it says that it is one of these."""
    if media_type(request) not in media_types:
        raise UnsupportedMediaType(
            request.content_type or "none", f"send it as {' or '.join(media_types)}"
        )
    _, parameters = parse_header_parameters(request.content_type)
    if parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(request.content_type, "send JSON as UTF-8")
    return serialization.loads(read(request, limit))


def read_object(request: Request, limit: int) -> dict[str, Any]:
    """A JSON object, sent as application/json."""
    document = read_json(request, limit, "application/json")
    if not isinstance(document, dict):
        raise InvalidValue("the body must be a JSON object")
    return document


def json_limit(size: int) -> int:
    """Bytes that JSON holding a value of ``size`` bytes may have."""
    return size * MAX_EXPANSION + OVERHEAD


def _stream(request: Request) -> Any:
    """Where the body can be read from. DRF takes one without a length for empty."""
    http = request._request
    chunked = "chunked" in http.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    environ = getattr(http, "environ", None)
    if environ is None or not chunked or http.META.get("CONTENT_LENGTH"):
        return http
    # WSGI: a server that ends the stream by itself says so.
    if environ.get("wsgi.input_terminated"):
        return environ["wsgi.input"]
    raise LengthRequired("this server takes no chunked bodies: send a Content-Length")
