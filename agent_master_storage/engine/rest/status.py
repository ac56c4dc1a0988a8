"""Which storages there are, and what the document of one holds beside its servers."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from ... import permissions as access
from ...handler import storages
from ..keys import CONFIG
from ..secrets import mask
from . import openapi
from .base import DocumentView


class EnginesView(DocumentView):
    """All of them."""

    name = "Engines"

    @openapi.described("engine_list", openapi.ENGINES)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the storages whose document the visitor may see."""
        visible = [alias for alias in storages if access.may(self.user, "view", alias, CONFIG)]
        if not visible and not self.user.is_authenticated:
            self.permission_denied(request)
        return Response({"results": [self._alias(alias) for alias in visible]})

    def _alias(self, alias: str) -> dict[str, Any]:
        url = reverse(self.route("status"), args=[alias], request=self.request)
        return {"alias": alias, "url": url}


class EngineView(DocumentView):
    """One of them."""

    name = "Engine"

    @openapi.described("engine_status", openapi.STATUS)
    def get(self, request: Request, alias: str) -> Response:
        """Tell where a document stands, how many servers it has, and its settings."""
        look = self.look()
        if answer := self.unchanged(look):
            return answer
        servers = look.document.list()
        body = {
            "alias": alias,
            "revision": look.revision,
            "version": look.document.version,
            "servers": len(servers),
            "enabled": sum(server.enabled for server in servers),
            "settings": mask(look.document.settings.to_dict() | _settings(look.document.data)),
        }
        return Response(body, headers=look.headers)


def _settings(data: dict[str, Any]) -> dict[str, Any]:
    found = data.get("settings")
    return found if isinstance(found, dict) else {}
