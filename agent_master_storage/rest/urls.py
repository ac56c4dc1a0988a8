"""The routes of the REST API. The project includes them under any path::

    path("storage/", include("agent_master_storage.rest.urls"))

Every path below it gets a JSON response, including those that do not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connections, transaction
from django.urls import path, register_converter
from django.urls.converters import StringConverter

from .changes import ChangesView
from .views import NotFoundView
from .viewsets import CollectionViewSet, StorageViewSet

app_name = "agent_master_storage"


class KeyConverter(StringConverter):
    """Match every character: the storage rejects invalid keys with a JSON error."""

    regex = "(?s:.+)"


register_converter(KeyConverter, "storage_key")

#: descriptions on the browsable pages, which share one class
_DESCRIPTIONS = {
    "Storages": "The storages that you may view.",
    "Storage": "The revision, the epoch and the capabilities of a storage.",
    "Entry": "A key and its value.",
    "Commit": "Several operations, applied as one revision or not at all.",
}

_ENTRY: dict[str, Any] = {"put": "update", "patch": "partial_update", "delete": "destroy"}


def outside_transactions(view: Callable[..., Any]) -> Callable[..., Any]:
    """Exempt the view from ATOMIC_REQUESTS: a write must be committed before the response."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


def _viewset(name: str, actions: dict[str, Any], **options: Any) -> Callable[..., Any]:
    described = {"name": name, "description": _DESCRIPTIONS[name], **options}
    return outside_transactions(StorageViewSet.as_view(actions, **described))


def _collection(**options: Any) -> Callable[..., Any]:
    actions = {"get": "list", **_ENTRY}
    return outside_transactions(CollectionViewSet.as_view(actions, name="Entries", **options))


urlpatterns = [
    path("", _viewset("Storages", {"get": "aliases"}), name="aliases"),
    path("<str:alias>/", _viewset("Storage", {"get": "status"}), name="status"),
    path("<str:alias>/entries", _collection(), name="entries"),
    path(
        "<str:alias>/entries/<storage_key:key>",
        _viewset("Entry", {"get": "retrieve", **_ENTRY}),
        name="entry",
    ),
    path("<str:alias>/commit", _viewset("Commit", {"post": "commit"}), name="commit"),
    path("<str:alias>/changes", outside_transactions(ChangesView.as_view()), name="changes"),
    # The same routes with the other form of the trailing slash; OpenAPI shows only one form.
    path("<str:alias>", _viewset("Storage", {"get": "status"}, schema=None)),
    path("<str:alias>/entries/", _collection(schema=None)),
    path("<str:alias>/commit/", _viewset("Commit", {"post": "commit"}, schema=None)),
    path("<str:alias>/changes/", outside_transactions(ChangesView.as_view(schema=None))),
    path("<storage_key:path>", outside_transactions(NotFoundView.as_view(schema=None))),
]
