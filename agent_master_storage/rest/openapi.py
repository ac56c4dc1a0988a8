"""What OpenAPI says of the views, for projects that have drf-spectacular."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from . import serializers
from .parsers import MERGE_PATCH
from .renderers import EVENT_STREAM, OCTETS

try:
    from drf_spectacular.types import OpenApiTypes
    from drf_spectacular.utils import (
        OpenApiParameter,
        OpenApiResponse,
        PolymorphicProxySerializer,
        extend_schema,
        extend_schema_view,
    )
except ImportError:  # pragma: no cover (the packaging test runs without it)
    OpenApiTypes = None  # type: ignore[assignment, misc]

V = TypeVar("V", bound=type[Any])
M = TypeVar("M", bound=Callable[..., Any])

_TAG = "storage"
_JSON = "application/json"

ERRORS = {
    304: "Not changed since the revision of If-None-Match.",
    400: "invalid_key or invalid_value: the request can't be understood.",
    401: "not_authenticated or authentication_failed: log in.",
    403: "permission_denied.",
    404: "key_not_found, or unknown_storage.",
    406: "not_acceptable: no face of the resource is one that Accept names.",
    409: "revision_conflict (a condition in a commit), not_json (a merge patch of bytes) or"
    " wrong_type (on Redis the key's name holds something of another type).",
    410: "revision_compacted (with `oldest`) or revision_ahead (with `current`).",
    411: "length_required: a chunked body under a WSGI server.",
    412: "precondition_failed: If-Match or If-None-Match does not hold (with `current`).",
    413: "too_large: the value, the body or the commit.",
    415: "unsupported_media_type.",
    429: "throttled; see Retry-After.",
    501: "not_supported: the adapter can't, or waiting without ASGI.",
    503: "storage_unavailable; see Retry-After.",
}
#: what any request may be answered with
_ALWAYS = (400, 401, 403, 404, 406, 429, 503)


def responses(
    *errors: int, texts: Mapping[int, str] = ERRORS, error: Any = None, **good: Any
) -> dict[Any, Any]:
    """Good answers by ``s200=``, refusals by their status, each with its text."""
    found: dict[Any, Any] = {}
    for status in sorted({*_ALWAYS, *errors}):
        body = None if status == 304 else error or serializers.ErrorSerializer
        found[status] = OpenApiResponse(body, description=texts[status])
    for name, body in good.items():
        found[int(name.removeprefix("s"))] = body
    return found


def query(name: str, kind: Any, description: str, **options: Any) -> Any:
    return OpenApiParameter(name, kind, "query", description=description, **options)


def header(name: str, description: str, **more: Any) -> Any:
    return OpenApiParameter(name, str, "header", description=description, **more)


def _parameters() -> dict[str, Any]:
    encodings = ["utf-8", "base64", "json"]
    return {
        "prefix": query("prefix", str, "Only keys that begin with exactly this."),
        "key": query("key", str, "The key, for clients that can't put it into the path."),
        "after": query("after", str, "Only keys that sort after this one."),
        "limit": query("limit", int, "1 to 1,000; 100 unless given. Never splits a revision."),
        "values": query("values", bool, "false: keys and revisions alone."),
        "encoding": query("encoding", str, "How values should be encoded.", enum=encodings),
        "revision": query("revision", int, "The entry as it stood at this revision."),
        "raw": query(
            "raw", str, "The bytes themselves, whatever the headers say.", allow_blank=True
        ),
        "since": query(
            "since",
            int,
            "After this revision; unless given, from the oldest held, events from now.",
        ),
        "epoch": query("epoch", str, "The epoch that is known; under another, 410."),
        "wait": query("wait", float, "Seconds to wait for more when there is none, at most 60."),
        "match": header("If-Match", 'Only when the entry stands at this ETag: `"7"`; or `*`.'),
        "none_match": header("If-None-Match", "`*`: only when there is no such entry."),
        "seen": header("If-None-Match", "304 when the entry still has this ETag."),
        "last_event": header("Last-Event-ID", "`<revision>:<epoch>`: resume the event stream."),
    }


def _writes(prefix: str, parameters: list[Any]) -> dict[str, Any]:
    """PUT, PATCH and DELETE, which a path with the key has, and one with ``?key=``."""
    p = _parameters()
    entry = serializers.EntrySerializer
    conditions = [*parameters, p["match"], p["none_match"]]
    return {
        "update": extend_schema(
            operation_id=f"{prefix}_write",
            parameters=[p["raw"], *conditions],
            request={_JSON: entry, OCTETS: OpenApiTypes.BINARY},
            responses=responses(409, 411, 412, 413, 501, s200=entry, s201=entry),
        ),
        "partial_update": extend_schema(
            operation_id=f"{prefix}_patch",
            parameters=conditions,
            request={MERGE_PATCH: OpenApiTypes.ANY},
            responses=responses(409, 411, 412, 413, 415, 501, s200=entry),
        ),
        "destroy": extend_schema(
            operation_id=f"{prefix}_delete",
            parameters=conditions,
            responses=responses(409, 412, 501, s204=None),
        ),
    }


def _reads() -> dict[str, Any]:
    p = _parameters()
    found = {(200, _JSON): serializers.EntrySerializer, (200, OCTETS): OpenApiTypes.BINARY}
    return {
        "aliases": extend_schema(
            operation_id="storage_list", responses=responses(s200=serializers.AliasListSerializer)
        ),
        "status": extend_schema(
            operation_id="storage_status", responses=responses(s200=serializers.StatusSerializer)
        ),
        "retrieve": extend_schema(
            operation_id="entry_read",
            parameters=[p["revision"], p["encoding"], p["raw"], p["match"], p["seen"]],
            responses=responses(304, 409, 410, 412, 501) | found,
        ),
    }


def _commit() -> Any:
    return extend_schema(
        operation_id="commit",
        request={_JSON: serializers.CommitSerializer},
        responses=responses(409, 411, 413, 415, 501, s200=serializers.RevisionSerializer),
    )


def described(method: M) -> M:
    """Decorates a method of the viewset with what OpenAPI says of its name."""
    if OpenApiTypes is None:
        return method
    operations = {**_reads(), **_writes("entry", []), "commit": _commit()}
    decorated: M = extend_schema(tags=[_TAG])(operations[method.__name__](method))
    return decorated


def describe_collection(view: V) -> V:
    """Decorates the view of ``entries``."""
    if OpenApiTypes is None:
        return view
    p = _parameters()
    # With ``key``, the rest is that of one entry.
    names = (
        *("key", "prefix", "after", "limit", "values", "encoding"),
        *("revision", "raw", "match", "seen"),
    )
    either = PolymorphicProxySerializer(
        component_name="EntryListOrEntry",
        serializers=[serializers.EntryListSerializer, serializers.EntrySerializer],
        resource_type_field_name=None,
        many=False,
    )
    return extend_schema_view(
        list=extend_schema(
            operation_id="entry_list",
            parameters=[p[name] for name in names],
            responses=responses(304, 409, 410, 412, 501)
            | {(200, _JSON): either, (200, OCTETS): OpenApiTypes.BINARY},
        ),
        **_writes("entry_by_query", [p["key"]]),
    )(view)


def describe_changes(view: V) -> V:
    """Decorates the view of the change log."""
    if OpenApiTypes is None:
        return view
    p = _parameters()
    names = ("key", "prefix", "since", "epoch", "limit", "wait", "encoding", "last_event")
    return extend_schema_view(
        get=extend_schema(
            operation_id="change_list",
            tags=[_TAG],
            parameters=[p[name] for name in names],
            responses=responses(410, 501)
            | {
                (200, _JSON): serializers.ChangeListSerializer,
                (200, EVENT_STREAM): OpenApiTypes.STR,
            },
        )
    )(view)
