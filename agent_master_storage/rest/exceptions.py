"""Every refusal as ``{"detail", "code"}``; never a traceback, never a page for a program."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions
from rest_framework.response import Response

from .. import serialization
from ..exceptions import (
    InvalidKey,
    InvalidValue,
    KeyNotFound,
    NotSupported,
    RevisionCompacted,
    RevisionConflict,
    StorageError,
    StorageUnavailable,
    ValueTooLarge,
    WrongType,
)
from ..handler import UnknownStorage

logger = logging.getLogger("agent_master_storage.rest")

#: seconds after which a client may try again when the store could not be reached
RETRY_AFTER = 1

#: the first that fits
_STATUS: tuple[tuple[type[StorageError], int], ...] = (
    (ValueTooLarge, 413),
    (InvalidKey, 400),
    (InvalidValue, 400),
    (KeyNotFound, 404),
    (RevisionConflict, 409),
    (RevisionCompacted, 410),
    (NotSupported, 501),
    (WrongType, 409),
    (StorageUnavailable, 503),
)


class PreconditionFailed(exceptions.APIException):
    """If-Match or If-None-Match did not hold. ``current``: the entry's revision, 0: missing."""

    status_code = 412
    default_code = "precondition_failed"

    def __init__(self, current: int) -> None:
        stands = f"the entry stands at revision {current}" if current else "there is no entry"
        super().__init__(f"the condition of the request does not hold: {stands}")
        self.current = current


class NotJson(exceptions.APIException):
    """A merge patch for a value that is no JSON document."""

    status_code = 409
    default_code = "not_json"


class LengthRequired(exceptions.APIException):
    """A chunked body, and a server that does not say where it ends."""

    status_code = 411
    default_code = "length_required"


class NotAcceptable(exceptions.NotAcceptable):
    """None of the faces of this resource is one that the client takes."""


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """What DRF calls with whatever a view raised."""
    if isinstance(error, StorageError):
        return _of_storage(error, getattr(context.get("view"), "action", None))
    if isinstance(error, UnknownStorage):
        return Response({"detail": "there is no such storage", "code": "unknown_storage"}, 404)
    if isinstance(error, exceptions.APIException):
        return _of_api(error)
    if isinstance(error, Http404):
        return _of_api(exceptions.NotFound())
    if isinstance(error, PermissionDenied):
        return _of_api(exceptions.PermissionDenied())
    if isinstance(error, SuspiciousOperation | BadRequest | MultiPartParserError):
        return Response({"detail": str(error), "code": "bad_request"}, 400)
    return _of_bug(error, context)


def _of_storage(error: StorageError, action: str | None) -> Response:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    headers = {"Retry-After": str(RETRY_AFTER)} if status == 503 else None
    body = serialization.error(error)
    if action != "commit":
        # Other requests have one operation.
        body.pop("index", None)
    return Response(body, status, headers=headers)


def _of_api(error: exceptions.APIException) -> Response:
    body: dict[str, Any] = {"detail": _text(error.detail), "code": _code(error)}
    for name in ("current", "index"):
        if hasattr(error, name):
            body[name] = getattr(error, name)
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(int(error.wait))  # type: ignore[attr-defined]
    return Response(body, error.status_code, headers=headers)


def _of_bug(error: Exception, context: dict[str, Any]) -> Response:
    """Ours: told to the log and to whoever collects errors, not to the client."""
    request = getattr(context.get("request"), "_request", None)
    logger.error("a request failed", exc_info=error)
    got_request_exception.send(sender=type(context.get("view")), request=request)
    return Response({"detail": "internal error, see the server's log", "code": "error"}, 500)


def _code(error: exceptions.APIException) -> str:
    codes = error.get_codes()
    return codes if isinstance(codes, str) else "invalid_value"


def _text(detail: Any, path: str = "") -> str:
    """DRF's nested details as one line."""
    if isinstance(detail, dict):
        return "; ".join(_text(value, f"{path}{name}: ") for name, value in detail.items())
    if isinstance(detail, list):
        return "; ".join(_text(value, path) for value in detail)
    return f"{path}{detail}"
