"""The routes, to be mounted anywhere::

    path("storage/", include("agent_master_storage.rest.urls"))

Every path below the mount is answered in JSON, a wrong one too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connections, transaction
from django.urls import path, register_converter
from django.urls.converters import StringConverter

from .changes import ChangesView
from .views import MissingView
from .viewsets import CollectionViewSet, StorageViewSet

app_name = "agent_master_storage"


class KeyConverter(StringConverter):
    """Every character: what is no key is refused by the storage, not by the routes."""

    regex = "(?s:.+)"


register_converter(KeyConverter, "storage_key")

#: of the browsable pages; one class answers for all of them
_DESCRIPTIONS = {
    "Storages": "The storages that you may see.",
    "Storage": "Where a storage stands, and what it can do.",
    "Entry": "A key and its value.",
    "Commit": "Several operations as one revision, or none of them.",
}

_ENTRY: dict[str, Any] = {"put": "update", "patch": "partial_update", "delete": "destroy"}


def outside_transactions(view: Callable[..., Any]) -> Callable[..., Any]:
    """Outside ATOMIC_REQUESTS: a write that is told to be done must be done."""
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
    # The same with or without a slash at the end; OpenAPI tells of one.
    path("<str:alias>", _viewset("Storage", {"get": "status"}, schema=None)),
    path("<str:alias>/entries/", _collection(schema=None)),
    path("<str:alias>/commit/", _viewset("Commit", {"post": "commit"}, schema=None)),
    path("<str:alias>/changes/", outside_transactions(ChangesView.as_view(schema=None))),
    path("<storage_key:path>", outside_transactions(MissingView.as_view(schema=None))),
]
