"""The live page: a shell that anybody may load. What it shows comes over the websocket."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from agent_master_storage import permissions as access
from agent_master_storage import storages

# Nothing inline and nothing from elsewhere: a stored value that is shown can never be a script.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


def live(request: HttpRequest) -> HttpResponse:
    """200 for everybody; it names the storages that the visitor may see, and no data."""
    context = {"aliases": _visible(request.user), "debug": settings.DEBUG}
    response = render(request, "demo/live.html", context)
    response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response


class Login(LoginView):
    """Django's own, in the look of the live page."""

    template_name = "demo/login.html"
    redirect_authenticated_user = True
    extra_context = {"debug": settings.DEBUG}

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        response = super().render_to_response(context, **kwargs)
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response


def _visible(user: Any) -> list[str]:
    return [alias for alias in storages if access.may(user, "view", alias)]
