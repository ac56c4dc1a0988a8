"""The engine's refusals in the format of ``rest.errors``, with what they know beside it."""

from __future__ import annotations

from typing import Any

from rest_framework import exceptions
from rest_framework.response import Response

from ... import serialization as wire
from ...rest import exceptions as errors
from ...rest.exceptions import PreconditionFailed
from ..exceptions import (
    BackupNotFound,
    DestinationChanged,
    DestinationExists,
    DestinationNotFound,
    DestinationUnavailable,
    DocumentChanged,
    EngineError,
    InvalidDocument,
    ServerChanged,
    ServerExists,
    ServerNotFound,
)

_STATUS: dict[type[EngineError], int] = {
    ServerNotFound: 404,
    BackupNotFound: 404,
    DestinationNotFound: 404,
    ServerExists: 409,
    DestinationExists: 409,
    DestinationChanged: 409,
    ServerChanged: 409,
    DestinationUnavailable: 409,
}

#: what an error may know, for programs
_FIELDS = ("name", "where", "problems")


class Unreadable(exceptions.APIException):
    """What is stored under the key ``config`` is no document of the engine."""

    status_code = 409
    default_code = InvalidDocument.code

    def __init__(self, error: InvalidDocument) -> None:
        super().__init__(f"what is stored is no document of the engine: {error}")
        self.where = error.where


class ServerStale(exceptions.APIException):
    """The server is not the one whose fingerprint the client gave."""

    status_code = 409
    default_code = ServerChanged.code

    def __init__(self, name: str) -> None:
        super().__init__(str(ServerChanged(name)))
        self.name = name


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """What DRF calls with whatever a view raised."""
    if isinstance(error, DocumentChanged):
        error = PreconditionFailed(error.current)
    status = _STATUS.get(type(error)) if isinstance(error, EngineError) else None
    if status is not None:
        answer = Response(wire.error(error), status)  # type: ignore[arg-type]
    else:
        answer = errors.exception_handler(error, context)
    if answer.status_code < 500:
        answer.data |= {
            field: _listed(getattr(error, field))
            for field in _FIELDS
            if getattr(error, field, None)
        }
    return answer


def _listed(found: Any) -> Any:
    return list(found) if isinstance(found, tuple) else found
