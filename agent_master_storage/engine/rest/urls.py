"""The routes, to be mounted anywhere::

    path("engine/", include("agent_master_storage.engine.rest.urls"))

Every path below the mount is answered in JSON, a wrong one too.
"""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path

from ...rest.urls import outside_transactions
from ...rest.views import NotFoundView
from .backups import BackupsView, BackupView, RestoreView
from .base import NamedView
from .destinations import DestinationsView, DestinationView, PreviewView, SyncView
from .servers import DisableView, EnableView, RenameView, ServersByNameView, ServerView
from .status import EnginesView, EngineView
from .transfer import ExportView, ImportView

app_name = "agent_master_storage_engine"


def _route(pattern: str, view: type[Any], name: str) -> list[URLPattern]:
    """A path, and the same with a slash at the end; OpenAPI tells of one."""
    found = [path(pattern, outside_transactions(view.as_view()), name=name)]
    if pattern and not pattern.endswith((">", "/")):
        found.append(path(f"{pattern}/", outside_transactions(view.as_view(schema=None))))
    return found


def _by_name(parent: str, *views: type[NamedView]) -> list[URLPattern]:
    """What is done to something that ``?name=`` names; OpenAPI tells of the other path."""
    found = [(f"{parent}/{view.action}", view.as_view(schema=None)) for view in views]
    return [path(pattern, outside_transactions(view)) for pattern, view in found]


urlpatterns = [
    *_route("", EnginesView, "aliases"),
    *_route("<str:alias>/", EngineView, "status"),
    *_route("<str:alias>/servers", ServersByNameView, "servers"),
    *_by_name("<str:alias>/servers", EnableView, DisableView, RenameView),
    *_route("<str:alias>/servers/<storage_key:name>/enable", EnableView, "enable"),
    *_route("<str:alias>/servers/<storage_key:name>/disable", DisableView, "disable"),
    *_route("<str:alias>/servers/<storage_key:name>/rename", RenameView, "rename"),
    *_route("<str:alias>/servers/<storage_key:name>", ServerView, "server"),
    *_route("<str:alias>/import", ImportView, "import"),
    *_route("<str:alias>/export", ExportView, "export"),
    *_route("<str:alias>/backups", BackupsView, "backups"),
    *_route("<str:alias>/backups/<storage_key:id>/restore", RestoreView, "restore"),
    *_route("<str:alias>/backups/<storage_key:id>", BackupView, "backup"),
    *_route("<str:alias>/destinations", DestinationsView, "destinations"),
    *_by_name("<str:alias>/destinations", PreviewView, SyncView),
    *_route("<str:alias>/destinations/<storage_key:name>/preview", PreviewView, "preview"),
    *_route("<str:alias>/destinations/<storage_key:name>/sync", SyncView, "sync"),
    *_route("<str:alias>/destinations/<storage_key:name>", DestinationView, "destination"),
    path("<str:alias>", outside_transactions(EngineView.as_view(schema=None))),
    path("<storage_key:path>", outside_transactions(NotFoundView.as_view(schema=None))),
]
