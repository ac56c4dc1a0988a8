"""Check the Origin header of a websocket handshake.

Browsers send cookies with the handshake from any page. Without this check, a page of another site
could read with the session of its visitor (cross-site websocket hijacking).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, urlsplit

from channels.security.websocket import OriginValidator
from django.conf import settings
from django.http.request import split_domain_port, validate_host

_LOCAL_HOSTS = [".localhost", "127.0.0.1", "[::1]"]


def origin_allowed(scope: dict[str, Any]) -> bool:
    """Return whether the Origin may open a socket.

    Allowed are: no Origin (agents, scripts), this host, and the origins in ALLOWED_HOSTS and
    CSRF_TRUSTED_ORIGINS.
    """
    text = _header(scope, b"origin")
    if text is None:
        return True
    try:
        origin = urlsplit(text.lower())
        # urlsplit() validates the port on access only.
        return origin.port != 0 and (_is_this_host(scope, origin) or _is_trusted(origin))
    except ValueError:
        return False


def _is_this_host(scope: dict[str, Any], origin: SplitResult) -> bool:
    host = _header(scope, b"x-forwarded-host") if settings.USE_X_FORWARDED_HOST else None
    host = (host or _header(scope, b"host") or "").lower()
    # A foreign domain name may resolve to this server, so the host must be an allowed one.
    return origin.netloc == host and validate_host(split_domain_port(host)[0], _allowed_hosts())


def _is_trusted(origin: SplitResult) -> bool:
    # "*" allows any Host header, not any origin.
    hosts = [host for host in _allowed_hosts() if host != "*"]
    # Django writes a wildcard with an asterisk, OriginValidator without one.
    origins = [trusted.replace("://*.", "://.") for trusted in settings.CSRF_TRUSTED_ORIGINS]
    return bool(OriginValidator(None, hosts + origins).valid_origin(origin))


def _allowed_hosts() -> list[str]:
    return list(settings.ALLOWED_HOSTS) or (_LOCAL_HOSTS if settings.DEBUG else [])


def _header(scope: dict[str, Any], wanted: bytes) -> str | None:
    for name, value in scope.get("headers", ()):
        if name == wanted:
            return str(value.decode("latin1"))
    return None
