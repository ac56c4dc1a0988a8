"""Errors as ``{"detail", "code"}``: never a traceback, and never HTML for an API client."""

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

#: seconds after which a client may retry if the store could not be reached
RETRY_AFTER = 1

#: the first class that matches determines the status
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
    """If-Match or If-None-Match does not hold.

    ``current`` is the entry's revision, 0 if there is no entry.
    """

    status_code = 412
    default_code = "precondition_failed"

    def __init__(self, current: int) -> None:
        state = f"the entry is at revision {current}" if current else "there is no entry"
        super().__init__(f"the precondition of the request failed: {state}")
        self.current = current


class NotJson(exceptions.APIException):
    """A merge patch was sent for a value that is not a JSON document."""

    status_code = 409
    default_code = "not_json"


class LengthRequired(exceptions.APIException):
    """The body is chunked, and the WSGI server does not indicate where it ends."""

    status_code = 411
    default_code = "length_required"


class NotAcceptable(exceptions.NotAcceptable):
    """None of the available representations is acceptable to the client."""


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """Return the response to an exception that a view raised; DRF calls it."""
    if isinstance(error, StorageError):
        return _storage_error(error, getattr(context.get("view"), "action", None))
    if isinstance(error, UnknownStorage):
        return Response({"detail": "there is no such storage", "code": "unknown_storage"}, 404)
    if isinstance(error, exceptions.APIException):
        return _api_error(error)
    if isinstance(error, Http404):
        return _api_error(exceptions.NotFound())
    if isinstance(error, PermissionDenied):
        return _api_error(exceptions.PermissionDenied())
    if isinstance(error, SuspiciousOperation | BadRequest | MultiPartParserError):
        return Response({"detail": str(error), "code": "bad_request"}, 400)
    return _internal_error(error, context)


def _storage_error(error: StorageError, action: str | None) -> Response:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    headers = {"Retry-After": str(RETRY_AFTER)} if status == 503 else None
    body = serialization.error(error)
    if action != "commit":
        # The client of any other request sent a single operation.
        body.pop("index", None)
    return Response(body, status, headers=headers)


def _api_error(error: exceptions.APIException) -> Response:
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


def _internal_error(error: Exception, context: dict[str, Any]) -> Response:
    """Report an unexpected exception to the log and to error collectors, not to the client."""
    request = getattr(context.get("request"), "_request", None)
    logger.error("unhandled exception in a REST view", exc_info=error)
    got_request_exception.send(sender=type(context.get("view")), request=request)
    return Response({"detail": "internal error, see the server's log", "code": "error"}, 500)


def _code(error: exceptions.APIException) -> str:
    codes = error.get_codes()
    return codes if isinstance(codes, str) else "invalid_value"


def _text(detail: Any, path: str = "") -> str:
    """Return DRF's nested details as one line."""
    if isinstance(detail, dict):
        return "; ".join(_text(value, f"{path}{name}: ") for name, value in detail.items())
    if isinstance(detail, list):
        return "; ".join(_text(value, path) for value in detail)
    return f"{path}{detail}"
