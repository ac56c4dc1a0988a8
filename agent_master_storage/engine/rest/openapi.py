"""What OpenAPI says of the engine's views, for projects that have drf-spectacular."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ...rest.openapi import ERRORS, header, query, responses
from ...rest.parsers import MERGE_PATCH
from .. import formats
from ..server import TRANSPORTS
from . import serializers

try:
    from drf_spectacular.types import OpenApiTypes
    from drf_spectacular.utils import extend_schema, extend_schema_view
except ImportError:  # pragma: no cover (the packaging test runs without it)
    OpenApiTypes = None  # type: ignore[assignment, misc]

V = TypeVar("V", bound=type[Any])
M = TypeVar("M", bound=Callable[..., Any])

_TAG = "engine"
_JSON = "application/json"

_ERRORS = {
    **ERRORS,
    400: "invalid_value, invalid_server (with `problems`), invalid_document (with `where`),"
    " invalid_destination or invalid_key: the request can't be understood.",
    404: "server_not_found, backup_not_found, destination_not_found, or unknown_storage.",
    409: "server_exists, server_changed (since its fingerprint was read), destination_exists,"
    " destination_changed, destination_unavailable, or invalid_document: what is stored is none.",
    413: "too_large: the body, or the document with it.",
    415: "unsupported_media_type.",
}


@dataclass(frozen=True, kw_only=True)
class Told:
    """What is told of an operation."""

    good: dict[int, Any]
    errors: tuple[int, ...] = ()
    body: Any = None
    body_type: str = _JSON
    #: names of _parameters()
    parameters: tuple[str, ...] = ()


_WRITING = (409, 411, 412, 413, 415, 501)
_MATCH = ("match", "none_match")
_SERVER = serializers.ServerSerializer

READ = Told(
    good={200: _SERVER}, errors=(304, 409, 412, 501), parameters=("secrets", "match", "seen")
)
PUT = Told(
    good={200: _SERVER, 201: _SERVER},
    errors=_WRITING,
    body=_SERVER,
    parameters=("secrets", *_MATCH),
)
PATCH = Told(
    good={200: _SERVER},
    errors=_WRITING,
    body=_SERVER,
    body_type=MERGE_PATCH,
    parameters=("secrets", *_MATCH),
)
DELETE = Told(good={204: None}, errors=(409, 412, 501), parameters=_MATCH)
ADD = replace(PUT, good={201: _SERVER}, parameters=("secrets", "match"))
LIST = Told(
    good={200: serializers.ServerListSerializer},
    errors=(304, 409, 412, 501),
    parameters=(
        "enabled",
        "transport",
        "source",
        "name_pattern",
        "sync_target",
        "project_specific",
        "tag",
        "name",
        "secrets",
        "match",
        "seen",
    ),
)
ACT = Told(good={200: _SERVER}, errors=(409, 412, 501), parameters=("secrets", "match"))
RENAME = replace(ACT, body=serializers.NewNameSerializer, errors=_WRITING)
ENGINES = Told(good={200: serializers.EngineListSerializer})
STATUS = Told(
    good={200: serializers.EngineStatusSerializer},
    errors=(304, 409, 412, 501),
    parameters=("match", "seen"),
)
IMPORT = Told(
    good={200: serializers.ImportResultSerializer},
    errors=(409, 411, 412, 413, 501),
    body="file",
    parameters=("from_format", "mode", "server", "syntax", "dry_run", "match"),
)
EXPORT = Told(
    good={200: "file"},
    errors=(304, 409, 412, 501),
    parameters=(
        *("to_format", "syntax", "server", "include_disabled", "secrets", "match", "seen"),
        "warned",
    ),
)
BACKUPS = Told(good={200: serializers.BackupListSerializer})
BACK_UP = Told(
    good={201: serializers.BackupSerializer},
    errors=_WRITING,
    body=serializers.NewBackupSerializer,
    parameters=("match",),
)
BACKUP = Told(
    good={200: serializers.BackupWithDocumentSerializer}, errors=(409,), parameters=("secrets",)
)
RESTORE = Told(
    good={200: serializers.BackupSerializer}, errors=(409, 412, 501), parameters=("match",)
)
DESTINATIONS = Told(good={200: serializers.DestinationListSerializer}, errors=(409,))
ADD_DESTINATION = Told(
    good={201: serializers.DestinationSerializer},
    errors=_WRITING,
    body=serializers.NewDestinationSerializer,
    parameters=("match",),
)
PATCH_DESTINATION = replace(
    ADD_DESTINATION,
    good={200: serializers.DestinationSerializer},
    body=serializers.DestinationPatchSerializer,
    body_type=MERGE_PATCH,
)
DESTINATION = Told(good={200: serializers.DestinationWithSyncSerializer}, errors=(409,))
PREVIEW = Told(good={200: serializers.PreviewSerializer}, errors=(409, 501))
SYNC = Told(
    good={200: serializers.SyncResultSerializer}, errors=(409, 501), parameters=("dry_run",)
)


def described(operation: str, told: Told) -> Callable[[M], M]:
    """Decorates a view's method."""
    if OpenApiTypes is None:
        return lambda method: method
    return extend_schema(operation_id=operation, **_schema(told))


def by_name(view: V) -> V:
    """Decorates the view of ``servers``, where ``?name=`` may stand for the path."""
    if OpenApiTypes is None:
        return view

    def of(operation: str, told: Told) -> Any:
        return extend_schema(operation_id=operation, **_schema(told))

    def named(told: Told) -> Told:
        return replace(told, parameters=("name", *told.parameters))

    return extend_schema_view(
        get=of("engine_server_list", LIST),
        post=of("engine_server_add", ADD),
        put=of("engine_server_by_query_write", named(PUT)),
        patch=of("engine_server_by_query_patch", named(PATCH)),
        delete=of("engine_server_by_query_delete", named(DELETE)),
    )(view)


def hidden(*methods: str) -> Callable[[V], V]:
    """Decorates a view of which these methods are told of at another path."""
    if OpenApiTypes is None:
        return lambda view: view
    decorate: Callable[[V], V] = extend_schema_view(
        **{name: extend_schema(exclude=True) for name in methods}
    )
    return decorate


def _schema(told: Told) -> dict[str, Any]:
    known = _parameters()
    good = {f"s{status}": body for status, body in told.good.items() if body != "file"}
    found = responses(*told.errors, texts=_ERRORS, error=serializers.EngineErrorSerializer, **good)
    for status, body in told.good.items():
        if body == "file":
            found |= {(status, media_type): kind for media_type, kind in _file().items()}
    request = _file() if told.body == "file" else told.body and {told.body_type: told.body}
    return {
        "tags": [_TAG],
        "parameters": [known[name] for name in told.parameters],
        "request": request,
        "responses": found,
    }


def _file() -> dict[str, Any]:
    """A configuration file of a client."""
    return {
        _JSON: OpenApiTypes.OBJECT,
        "application/yaml": OpenApiTypes.STR,
        "application/toml": OpenApiTypes.STR,
    }


def _parameters() -> dict[str, Any]:
    names = formats.names()
    syntaxes = list(formats.SYNTAXES)
    several = {"many": True, "explode": True}
    return {
        "name": query("name", str, "The server, for names that can't stand in a path."),
        "secrets": query("secrets", bool, "true: literal secrets, for those who may change."),
        "enabled": query("enabled", bool, "Only servers that are enabled, or not."),
        "transport": query("transport", str, "Only of this transport.", enum=list(TRANSPORTS)),
        "source": query("source", str, "Only what came from there: user, import ..."),
        "name_pattern": query("name_pattern", str, "A shell pattern, as `git*`."),
        "sync_target": query("sync_target", str, "Goes to one of these.", **several),
        "project_specific": query("project_specific", bool, "Only those of a project, or not."),
        "tag": query("tag", str, "Has all of these.", **several),
        "server": query("server", str, "Only these servers.", **several),
        "from_format": query("format", str, "Unless given, told by the data.", enum=names),
        "to_format": query("format", str, "mcpServers unless given.", enum=names),
        "syntax": query("syntax", str, "Of the text.", enum=syntaxes),
        "mode": query(
            "mode",
            str,
            "merge: add and update; skip: add alone; replace: also remove all others.",
            enum=["merge", "replace", "skip"],
        ),
        "dry_run": query("dry_run", bool, "true: tell what would be done, and do nothing."),
        "include_disabled": query("include_disabled", bool, "true: servers that are off too."),
        "match": header("If-Match", 'Only when the document stands at this ETag: `"7"`.'),
        "none_match": header("If-None-Match", "`*`: only when there is no such server."),
        "seen": header("If-None-Match", "304 when the document still has this ETag."),
        "warned": header(
            "Export-Warnings",
            "A JSON list: what the client will make no sense of.",
            response=[200],
        ),
    }
