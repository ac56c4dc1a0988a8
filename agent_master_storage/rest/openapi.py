"""The OpenAPI description of the views, for projects that use drf-spectacular."""

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
    304: "The entry is still at the revision in If-None-Match.",
    400: "`invalid_key` or `invalid_value`: the request is not valid.",
    401: "`not_authenticated` or `authentication_failed`: valid credentials are required.",
    403: "`permission_denied`: the user does not have the permission.",
    404: "`key_not_found` or `unknown_storage`.",
    406: "`not_acceptable`: none of the available representations matches the Accept header.",
    409: "`revision_conflict` (a precondition in a commit failed), `not_json` (a merge patch was"
    " sent for a value that is not JSON) or `wrong_type` (the Redis key is not a string).",
    410: "`revision_compacted` (with `oldest`) or `revision_ahead` (with `current`).",
    411: "`length_required`: the body is chunked, and the WSGI server does not support that.",
    412: "`precondition_failed` (with `current`): If-Match or If-None-Match does not hold.",
    413: "`too_large`: the value, the body or the commit exceeds its limit.",
    415: "`unsupported_media_type`.",
    429: "`throttled`: retry after the number of seconds in Retry-After.",
    501: "`not_supported`: the adapter does not support it, or waiting requires an ASGI server.",
    503: "`storage_unavailable`: retry after the number of seconds in Retry-After.",
}
SUCCESS = {
    200: "The request succeeded.",
    201: "The entry was created.",
    204: "The entry was deleted.",
}
#: the errors that every operation may return
_ALWAYS = (400, 401, 403, 404, 406, 429, 503)


def responses(
    *errors: int, texts: Mapping[int, str] = ERRORS, error: Any = None, **good: Any
) -> dict[Any, Any]:
    """Return the responses of an operation.

    Args:
        errors: Status codes in addition to those that every operation may return.
        texts: The description of each status code.
        error: The serializer of errors; ErrorSerializer by default.
        good: The serializers of successful responses, as ``s200=``.
    """
    found: dict[Any, Any] = {}
    for status in sorted({*_ALWAYS, *errors}):
        body = None if status == 304 else error or serializers.ErrorSerializer
        found[status] = OpenApiResponse(body, description=texts[status])
    for name, body in good.items():
        status = int(name.removeprefix("s"))
        found[status] = _success(body, status)
    return found


def _success(body: Any, status: int = 200) -> Any:
    if isinstance(body, OpenApiResponse):
        return body
    return OpenApiResponse(body, description=SUCCESS[status])


def query(name: str, kind: Any, description: str, **options: Any) -> Any:
    return OpenApiParameter(name, kind, "query", description=description, **options)


def header(name: str, description: str, **more: Any) -> Any:
    return OpenApiParameter(name, str, "header", description=description, **more)


def path(name: str, description: str = "", **more: Any) -> Any:
    return OpenApiParameter(name, str, "path", description=description, **more)


def _parameters() -> dict[str, Any]:
    encodings = ["utf-8", "base64", "json"]
    return {
        "alias": path("alias", "The alias of the storage."),
        "key_in_path": path("key", "The key. Slashes need not be escaped."),
        "prefix": query(
            "prefix", str, "Only keys that begin with this prefix (an exact match, no wildcards)."
        ),
        "key": query("key", str, "The key, for clients that cannot put it in the path."),
        "after": query("after", str, "Only keys that sort after this one."),
        "limit": query(
            "limit",
            int,
            "Maximum number of results: 1 to 1,000, by default 100. A revision is never split.",
        ),
        "values": query("values", bool, "If false, return only keys and revisions."),
        "encoding": query("encoding", str, "The preferred encoding of values.", enum=encodings),
        "revision": query("revision", int, "Return the entry as of this revision."),
        "raw": query(
            "raw",
            str,
            "Send or return the bytes of the value; Accept and Content-Type are ignored.",
            allow_blank=True,
        ),
        "since": query(
            "since",
            int,
            "Return changes after this revision. By default a list starts with the oldest change in"
            " the log and an event stream with the next change.",
        ),
        "epoch": query(
            "epoch",
            str,
            "The epoch that the client knows. In a different epoch the response is 410.",
        ),
        "wait": query("wait", float, "Seconds to wait if there are no changes yet, at most 60."),
        "match": header(
            "If-Match", 'Proceed only if the entry has this ETag, such as `"7"`; `*`: if it exists.'
        ),
        "none_match": header("If-None-Match", "`*`: proceed only if the entry does not exist."),
        "seen": header("If-None-Match", "Return 304 if the entry still has this ETag."),
        "format": query(
            "format",
            str,
            "The representation; it takes precedence over Accept.",
            enum=["events", "json"],
        ),
        "last_event": header(
            "Last-Event-ID", "Resume the event stream after this event: `<revision>:<epoch>`."
        ),
    }


def _writes(prefix: str, parameters: list[Any]) -> dict[str, Any]:
    """Return the schemas of PUT, PATCH and DELETE, for the key in the path or in ``?key=``."""
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
    found = {
        (200, _JSON): _success(serializers.EntrySerializer),
        (200, OCTETS): _success(OpenApiTypes.BINARY),
    }
    return {
        "aliases": extend_schema(
            operation_id="storage_list", responses=responses(s200=serializers.AliasListSerializer)
        ),
        "status": extend_schema(
            operation_id="storage_status", responses=responses(s200=serializers.StatusSerializer)
        ),
        "retrieve": extend_schema(
            operation_id="entry_read",
            parameters=[
                p["key_in_path"],
                p["revision"],
                p["encoding"],
                p["raw"],
                p["match"],
                p["seen"],
            ],
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
    """Decorate a method of the viewset with the schema of its operation."""
    if OpenApiTypes is None:
        return method
    p = _parameters()
    writes = _writes("entry", [p["key_in_path"]])
    operations = {**_reads(), **writes, "commit": _commit()}
    in_path = [] if method.__name__ == "aliases" else [p["alias"]]
    operation = extend_schema(tags=[_TAG], parameters=in_path)
    decorated: M = operation(operations[method.__name__](method))
    return decorated


def describe_collection(view: V) -> V:
    """Decorate the view of ``entries``."""
    if OpenApiTypes is None:
        return view
    p = _parameters()
    # With ?key=, the operation reads a single entry and takes the parameters of that.
    names = (
        *("alias", "key", "prefix", "after", "limit", "values", "encoding"),
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
            | {(200, _JSON): _success(either), (200, OCTETS): _success(OpenApiTypes.BINARY)},
        ),
        # The methods are inherited from the view whose path contains the key.
        **_writes("entry_by_query", [p["key"], path("key", exclude=True)]),
    )(view)


def describe_changes(view: V) -> V:
    """Decorate the view of the change log."""
    if OpenApiTypes is None:
        return view
    p = _parameters()
    names = (
        *("alias", "key", "prefix", "since", "epoch", "limit", "wait", "encoding"),
        *("format", "last_event"),
    )
    return extend_schema_view(
        get=extend_schema(
            operation_id="change_list",
            tags=[_TAG],
            parameters=[p[name] for name in names],
            responses=responses(410, 501)
            | {
                (200, _JSON): _success(serializers.ChangeListSerializer),
                (200, EVENT_STREAM): _success(OpenApiTypes.STR),
            },
        )
    )(view)
