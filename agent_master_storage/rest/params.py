"""Query parameters: every parameter is validated, and nothing is guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from rest_framework.request import Request

from ..exceptions import InvalidKey, InvalidValue
from ..keys import check_revision
from ..serialization import ENCODINGS
from ..watch import Selector

#: entries or changes in one response
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
#: longest duration of a long poll, in seconds
MAX_WAIT = 60.0

_NUMBER = re.compile(r"[0-9]{1,4000}")
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeQuery:
    """The validated parameters of a request for changes."""

    selector: Selector
    since: int | None
    epoch: str | None
    #: changes in one response
    limit: int
    #: seconds
    wait: float
    encoding: str


def check_utf8(http: Any) -> None:
    """Raise InvalidKey if path or query are not UTF-8: Django would turn them into other keys."""
    query = http.META.get("QUERY_STRING", "").replace("+", " ")
    for what, raw in (("path", _raw_path(http)), ("query", unquote_to_bytes(query))):
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            raise InvalidKey(f"the {what} is not UTF-8: {error}") from error


def _raw_path(http: Any) -> bytes:
    scope = getattr(http, "scope", None)
    if scope is not None:
        # "path" has lost the bytes that could not be decoded. Some servers omit raw_path.
        return unquote_to_bytes(scope.get("raw_path") or scope["path"].encode())
    # WSGI does not define a name for the raw path; most servers set one of these two. Without
    # them, Django has replaced the bad byte by "%FF", and the client may have sent "%25FF".
    raw = http.META.get("RAW_URI") or http.META.get("REQUEST_URI") or ""
    return unquote_to_bytes(raw.partition("?")[0])


def text(request: Request, name: str, default: str = "") -> str:
    return str(request.query_params.get(name, default))


def limit(request: Request) -> int:
    """Return ``?limit=``, from 1; values above 1,000 are reduced to 1,000."""
    return min(_number(request, "limit", DEFAULT_LIMIT, least=1), MAX_LIMIT)


def revision(request: Request, name: str) -> int | None:
    if name not in request.query_params:
        return None
    return check_revision(_number(request, name, 0), name)


def encoding(request: Request) -> str:
    """Return the requested encoding of values, or an empty string."""
    found = text(request, "encoding")
    if found and found not in ENCODINGS:
        raise InvalidValue(f"encoding must be one of {', '.join(ENCODINGS)}")
    return found


def flag(request: Request, name: str, default: bool) -> bool:
    if name not in request.query_params:
        return default
    found = text(request, name).lower()
    if found in ("true", "1"):
        return True
    if found in ("false", "0"):
        return False
    raise InvalidValue(f"{name} must be true or false")


def wait(request: Request) -> float:
    """Return ``?wait=`` in seconds; values above 60 are reduced to 60."""
    found = text(request, "wait", "0")
    if not _SECONDS.fullmatch(found):
        raise InvalidValue("wait must be a number of seconds, at least 0")
    return min(float(found), MAX_WAIT)


def selector(request: Request) -> Selector:
    """Return what ``?key=`` or ``?prefix=`` selects; without either, all keys."""
    key = text(request, "key") if "key" in request.query_params else None
    return Selector.of(text(request, "prefix"), key)


def _number(request: Request, name: str, default: int, least: int = 0) -> int:
    found = text(request, name, str(default)).strip()
    if not _NUMBER.fullmatch(found) or int(found) < least:
        raise InvalidValue(f"{name} must be a whole number from {least}, not {found[:50]!r}")
    return int(found)
