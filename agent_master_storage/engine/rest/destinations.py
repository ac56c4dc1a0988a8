"""Destinations: what a sync would change there, and the sync itself."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from ...exceptions import InvalidValue
from ...rest import params
from ...rest.parsers import MERGE_PATCH, JsonParser, MergePatchParser
from ...rest.serializers import reject_unknown
from .. import Engine
from .. import representations as faces
from ..destinations.destination import FILE, STORAGE, Destination
from ..destinations.location import check_remote
from . import openapi
from .base import NamedView, flag_of, text_of

#: of a body, and what the engine calls them
_TEXTS = {
    "path": "config_path",
    "format": "config_format",
    "server_name_pattern": "server_name_pattern",
}
_FLAGS = ("enabled", "requires_sanitization", "supports_projects")
_FIELDS = ("name", *_TEXTS, *_FLAGS)


class DestinationView(NamedView):
    """One of them."""

    name = "Destination"
    parser_classes: Any = (JsonParser, MergePatchParser)

    @openapi.described("engine_destination_read", openapi.DESTINATION)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return a destination, and what its last sync did."""
        name, look = self.named, self.look()
        found = faces.destination(self.engine.get_destination(name))
        last = self.engine.last_sync(name)
        body = {**found, "lastSync": faces.synced(last) if last else None}
        return Response(body, headers=look.headers)

    @openapi.described("engine_destination_patch", openapi.PATCH_DESTINATION)
    def patch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Set fields of a destination; those that are not sent are kept."""
        name, body = self.named, self.sent(MERGE_PATCH)
        reject_unknown(body, set(_FIELDS))
        if body.get("name", name) != name:
            raise InvalidValue("a patch gives no new name")
        with self.acting():
            changed = self.changing().update_destination(name, **_changes(body))
        return Response(faces.destination(changed), headers=self.look().headers)

    @openapi.described("engine_destination_delete", openapi.DELETE)
    def delete(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Forget a destination; what was written there stays."""
        with self.acting():
            self.changing().remove_destination(self.named)
        return Response(status=204)


@openapi.hidden("patch", "delete")
class DestinationsView(DestinationView):
    """All of them; with ``?name=``, one."""

    name = "Destinations"
    sample = {"name": "", "path": "", "format": "mcpServers"}

    @openapi.described("engine_destination_list", openapi.DESTINATIONS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the destinations by name."""
        if "name" in request.query_params:
            return super().get(request)
        self.look()
        found = self.engine.list_destinations()
        return Response({"results": [faces.destination(one) for one in found], "next": None})

    @openapi.described("engine_destination_add", openapi.ADD_DESTINATION)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Add a destination: a file, or without a path a key of the storage."""
        body = self.body(*_FIELDS)
        with self.acting():
            made = self.changing().add_destination(
                text_of(body, "name"),
                text_of(body, "path", ""),
                text_of(body, "format", ""),
                enabled=bool(flag_of(body, "enabled", True)),
                requires_sanitization=bool(flag_of(body, "requires_sanitization")),
                supports_projects=bool(flag_of(body, "supports_projects")),
                server_name_pattern=text_of(body, "server_name_pattern", ""),
            )
        return Response(faces.destination(made), 201, headers=self.look().headers)


class PlaceView(DestinationView):
    """A view that reads or writes what a destination points at."""

    def pointed_at(self, engine: Engine) -> Destination:
        """The destination; DestinationUnavailable for a file where none was allowed."""
        self.look()
        found = engine.get_destination(self.named)
        check_remote(found)
        return found


@openapi.hidden("patch", "delete")
class PreviewView(PlaceView):
    """What a sync would do."""

    name = "Preview"
    action = "preview"
    acts_on = ("GET", "HEAD")

    @openapi.described("engine_destination_preview", openapi.PREVIEW)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Tell which servers a sync would add, change and remove, with a masked diff."""
        if not self.acts:
            return super().get(request)
        engine = self.engine
        target = self.pointed_at(engine)
        return Response(faces.preview(engine.preview(target)))


@openapi.hidden("get", "patch", "delete")
class SyncView(PlaceView):
    """The sync."""

    name = "Sync"
    action = "sync"

    @openapi.described("engine_destination_sync", openapi.SYNC)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Write the enabled servers to a destination; nothing when it has them already."""
        engine = self.engine
        target = self.pointed_at(engine)
        with self.acting():
            result = engine.sync(target, dry_run=params.flag(request, "dry_run", False))
        return Response(faces.synced(result))


def _changes(body: dict[str, Any]) -> dict[str, Any]:
    """What update_destination() is to be given; a flag that is null is off."""
    texts = {field: text_of(body, name) for name, field in _TEXTS.items() if name in body}
    flags = {name: bool(flag_of(body, name)) for name in _FLAGS if name in body}
    kinds = {"type": FILE if texts["config_path"] else STORAGE} if "path" in body else {}
    return {**texts, **flags, **kinds}
