"""Who is at the other end of a socket or stream, asked anew for as long as it stays open."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, parse_cookie
from rest_framework.authentication import BasicAuthentication
from rest_framework.request import Request
from rest_framework.settings import api_settings


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
        # Whom a name and a password named.
        self._by_password: Any = None

    def user(self) -> Any:
        """Raises DRF's AuthenticationFailed for a wrong header."""
        user = self._of_scope()
        if self._by_scope is None:
            self._by_scope = user.is_authenticated
        return user if self._by_scope else _reloaded(self._known)

    def _of_scope(self) -> Any:
        request = _request(self._scope)
        if "HTTP_AUTHORIZATION" not in request.META:
            return request.user
        return self._of_known_password() or self._of_header(request)

    def _of_header(self, request: HttpRequest) -> Any:
        classes: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES
        asked = Request(request, authenticators=[authenticator() for authenticator in classes])
        user = asked.user
        if type(asked.successful_authenticator) is BasicAuthentication:
            self._by_password = user
        return user

    def _of_known_password(self) -> Any:
        """The user of before, unless the password is another now.

        Checking a password takes a good part of a second of CPU, on purpose: hundreds of
        sockets could not afford that each time.
        """
        known = self._by_password
        if known is None or not known.has_usable_password():
            return None
        user = _reloaded(known)
        return user if user.is_authenticated and user.password == known.password else None


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
    session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    # Under SECRET_KEY_FALLBACKS a session gets a new key, which a socket can't give the browser.
    session.cycle_key = lambda: None
    request.session = session
    return auth.get_user(request)


def _reloaded(user: Any) -> Any:
    if user is None or not user.is_authenticated:
        return AnonymousUser()
    manager = auth.get_user_model()._default_manager
    return manager.filter(pk=user.pk, is_active=True).first() or AnonymousUser()
