"""Destinations: what a sync would change there, and the sync itself."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from ...engine import Engine, faces
from ...engine.destinations import Destination
from ...engine.places import check_remote
from .. import params
from . import openapi
from .base import DocumentView, flag_of, text_of

_FIELDS = (
    "name",
    "path",
    "format",
    "enabled",
    "requires_sanitization",
    "server_name_pattern",
)


class DestinationsView(DocumentView):
    """All of them."""

    name = "Destinations"
    sample = {"name": "", "path": "", "format": "mcpServers"}

    @openapi.described("engine_destination_list", openapi.DESTINATIONS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the destinations by name."""
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
                server_name_pattern=text_of(body, "server_name_pattern", ""),
            )
        return Response(faces.destination(made), 201, headers=self.look().headers)


class DestinationView(DocumentView):
    """One of them."""

    name = "Destination"

    @openapi.described("engine_destination_read", openapi.DESTINATION)
    def get(self, request: Request, alias: str, name: str) -> Response:
        """Return a destination, and what its last sync did."""
        look = self.look()
        found = faces.destination(self.engine.get_destination(name))
        last = self.engine.last_sync(name)
        body = {**found, "lastSync": faces.synced(last) if last else None}
        return Response(body, headers=look.headers)

    @openapi.described("engine_destination_delete", openapi.DELETE)
    def delete(self, request: Request, alias: str, name: str) -> Response:
        """Forget a destination; what was written there stays."""
        with self.acting():
            self.changing().remove_destination(name)
        return Response(status=204)


class PlaceView(DocumentView):
    """A view that reads or writes what a destination points at."""

    def destination(self, engine: Engine, name: str) -> Destination:
        """The destination; DestinationUnavailable for a file where none was allowed."""
        self.look()
        found = engine.get_destination(name)
        check_remote(found)
        return found


class PreviewView(PlaceView):
    """What a sync would do."""

    name = "Preview"

    @openapi.described("engine_destination_preview", openapi.PREVIEW)
    def get(self, request: Request, alias: str, name: str) -> Response:
        """Tell which servers a sync would add, change and remove, with a masked diff."""
        engine = self.engine
        target = self.destination(engine, name)
        return Response(faces.preview(engine.preview(target)))


class SyncView(PlaceView):
    """The sync."""

    name = "Sync"

    @openapi.described("engine_destination_sync", openapi.SYNC)
    def post(self, request: Request, alias: str, name: str) -> Response:
        """Write the enabled servers to a destination; nothing when it has them already."""
        engine = self.engine
        target = self.destination(engine, name)
        with self.acting():
            result = engine.sync(target, dry_run=params.flag(request, "dry_run", False))
        return Response(faces.synced(result))
