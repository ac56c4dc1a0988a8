"""The base class of all REST views: the app's own formats, the project's authentication."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.cache import patch_cache_control
from rest_framework.exceptions import NotFound
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from .. import permissions
from ..actor import actor
from ..backends.base import BaseStorage
from ..handler import storages
from ..permissions import Action
from .exceptions import exception_handler
from .negotiation import Negotiation
from .params import check_utf8
from .parsers import JsonParser
from .permissions import StoragePermission
from .renderers import JsonRenderer, PageRenderer


class StorageView(APIView):
    """A view of one storage, or of all of them if the route has no alias."""

    renderer_classes: Any = (JsonRenderer, PageRenderer)
    parser_classes: Any = (JsonParser,)
    permission_classes: Any = (StoragePermission,)
    content_negotiation_class = Negotiation
    versioning_class = None
    #: title of the browsable page
    name: Any = "Nothing"

    @property
    def alias(self) -> str | None:
        alias: str | None = self.kwargs.get("alias")
        return alias

    @property
    def user(self) -> Any:
        """The user of the request. DRF's UNAUTHENTICATED_USER setting may be None."""
        return self.request.user or AnonymousUser()

    @property
    def target(self) -> str:
        """The key or prefix of the request, for the permission check."""
        query = self.request.query_params
        return str(self.kwargs.get("key") or query.get("key") or query.get("prefix") or "")

    @property
    def storage(self) -> BaseStorage:
        return storages[self.kwargs["alias"]]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before content negotiation: an error must not be rendered as bytes or events.
        check_utf8(request._request)
        super().initial(request, *args, **kwargs)
        if self.alias is not None:
            # After the permission check: other users cannot find out which aliases exist.
            _ = self.storage

    def require(self, action: Action, key: str = "") -> None:
        """Raise PermissionDenied or NotAuthenticated unless the user has the permission."""
        if not permissions.may(self.user, action, str(self.alias), key):
            self.permission_denied(self.request)

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Record the user as the actor of changes that are made in this context."""
        with actor(permissions.actor_name(self.user)):
            yield

    def route(self, name: str) -> str:
        """Return the full name of a route of this API, wherever the project has mounted it."""
        match = self.request.resolver_match
        return ":".join([*(match.namespaces if match else ()), name])

    def breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the titles and URLs that lead to this page.

        DRF's implementation would treat the slashes of a key as levels.
        """
        found = [("Storages", reverse(self.route("aliases")))]
        if self.alias is not None:
            found.append((self.alias, reverse(self.route("status"), args=[self.alias])))
        if "key" in self.kwargs:
            found.append(("Entries", reverse(self.route("entries"), args=[self.alias])))
        if self.name not in ("Storages", "Storage"):
            found.append((self.name, self.request.get_full_path()))
        return found

    # DRF's hooks

    def get_exception_handler(self) -> Callable[..., Any]:
        return exception_handler

    def get_authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401 response.

        DRF takes it from the first authenticator only, and session authentication has none.
        """
        challenges = (a.authenticate_header(request) for a in self.get_authenticators())
        return next(filter(None, challenges), 'Session realm="api"')

    def finalize_response(  # type: ignore[override]
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        if getattr(response, "exception", False) and not _can_render_errors(request):
            request.accepted_renderer = JsonRenderer()
            request.accepted_media_type = JsonRenderer.media_type
        final: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)
        final.headers.setdefault("X-Content-Type-Options", "nosniff")
        if not final.has_header("Cache-Control"):
            patch_cache_control(final, private=True, no_cache=True)
        return final


class NotFoundView(StorageView):
    """Respond to every method with 404 as JSON."""

    permission_classes: Any = ()
    authentication_classes: Any = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound("there is no such resource")


def _can_render_errors(request: Request) -> bool:
    renderer: BaseRenderer | None = getattr(request, "accepted_renderer", None)
    return isinstance(renderer, JsonRenderer | PageRenderer)
