"""Who is at the other end of a socket, and whether the page it comes from may be there."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import OriginValidator
from django.apps import apps
from django.conf import settings
from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, parse_cookie
from rest_framework.request import Request
from rest_framework.settings import api_settings


def origin_allowed(scope: dict[str, Any]) -> bool:
    """No Origin (agents, scripts), this host's, one of ALLOWED_HOSTS or CSRF_TRUSTED_ORIGINS.

    Browsers send cookies with a socket from any page: without this, a foreign page could
    read with its visitor's session.
    """
    origin = _header(scope, b"origin")
    if origin is None:
        return True
    if urlsplit(origin).netloc == _header(scope, b"host"):
        return True
    hosts = settings.ALLOWED_HOSTS or (
        [".localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else []
    )
    # "*" is about the Host header; it does not mean every site of the world.
    allowed = [host for host in hosts if host != "*"] + settings.CSRF_TRUSTED_ORIGINS
    return bool(OriginValidator(None, allowed).valid_origin(urlsplit(origin)))


class Identity:
    """The user of a handshake or request: by header, by session, or by a middleware.

    Looked up anew by each user(), because rights and sessions end while a socket stays.
    """

    def __init__(self, scope: dict[str, Any], known: Any = None) -> None:
        """``known`` is whom a middleware around us has found, if there is one."""
        self._scope = scope
        self._known = known if known is not None else scope.get("user")
        # Whether header or session name somebody: then they alone say whether it ended.
        self._by_scope: bool | None = None

    def user(self) -> Any:
        """Raises DRF's AuthenticationFailed for a wrong header."""
        user = _user_of(self._scope)
        if self._by_scope is None:
            self._by_scope = user.is_authenticated
        return user if self._by_scope else _reloaded(self._known)


def _user_of(scope: dict[str, Any]) -> Any:
    request = _request(scope)
    if "HTTP_AUTHORIZATION" in request.META:
        classes: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES
        authenticators = [authenticator() for authenticator in classes]
        return Request(request, authenticators=authenticators).user
    return request.user


def _request(scope: dict[str, Any]) -> HttpRequest:
    """The handshake as the GET request that it is, for the project's authenticators."""
    request = HttpRequest()
    request.method = "GET"
    request.path = request.path_info = scope.get("path", "")
    for name, value in scope.get("headers", ()):
        field = name.decode("latin1").upper().replace("-", "_")
        request.META[f"HTTP_{field}"] = value.decode("latin1")
    request.META["REMOTE_ADDR"] = (scope.get("client") or ("",))[0]
    request.META["QUERY_STRING"] = scope.get("query_string", b"").decode("latin1")
    request.COOKIES = parse_cookie(request.META.get("HTTP_COOKIE", ""))
    request.user = _session_user(request)
    return request


def _session_user(request: HttpRequest) -> Any:
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if not key or not apps.is_installed("django.contrib.sessions"):
        return AnonymousUser()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    return auth.get_user(request)


def _reloaded(user: Any) -> Any:
    if user is None or not user.is_authenticated:
        return AnonymousUser()
    manager = auth.get_user_model()._default_manager
    return manager.filter(pk=user.pk, is_active=True).first() or AnonymousUser()


def _header(scope: dict[str, Any], wanted: bytes) -> str | None:
    for name, value in scope.get("headers", ()):
        if name == wanted:
            return str(value.decode("latin1"))
    return None
