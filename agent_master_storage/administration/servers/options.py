"""The ModelAdmin of MCP servers: where Django's admin meets the pages."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ... import access
from ...engine.keys import CONFIG
from ...handler import storages
from ..options import Extra, StorageAdmin
from . import views


def may(user: Any, action: access.Action) -> bool:
    """Whether the user may do it to the document of any storage."""
    if not (user.is_active and user.is_staff):
        return False
    return any(access.may(user, action, alias, CONFIG) for alias in storages)


class ServerAdmin(StorageAdmin):
    """Servers: list, add, edit, delete, rename; import, export, backups."""

    def get_urls(self) -> list[Any]:
        """The names that Django's admin gives, and some of our own."""
        one = "<path:object_id>/"
        return [
            self.route("", self.changelist_view, "changelist"),
            self.route("add/", self.add_view, "add"),
            self.route("import/", self.import_view, "import"),
            self.route("export/", self.export_view, "export"),
            self.route("backups/", self.backups_view, "backups"),
            self.route("backups/restore/", self.restore_view, "backups_restore"),
            self.route(f"{one}delete/", self.delete_view, "delete"),
            self.route(f"{one}change/", self.change_view, "change"),
            self.route(f"{one}rename/", self.rename_view, "rename"),
            self.route(f"{one}reveal/", self.reveal_view, "reveal"),
            self.to_change(),
        ]

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whether there is a document to be seen."""
        return may(request.user, "view")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A server is added by changing the document."""
        return may(request.user, "change")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whether there is a document that may be changed."""
        return may(request.user, "change")

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """A server is deleted by changing the document."""
        return may(request.user, "change")

    def changelist_view(self, request: HttpRequest, extra_context: Extra = None) -> Any:
        """The list."""
        return self.answer(views.ListView, request, extra_context)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Extra = None
    ) -> Any:
        """A new server."""
        return self.answer(views.AddView, request, extra_context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Extra = None
    ) -> Any:
        """A server."""
        return self.answer(views.EditView, request, extra_context, object_id=object_id)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Extra = None) -> Any:
        """The question before a server is deleted."""
        return self.answer(views.DeleteView, request, extra_context, object_id=object_id)

    def rename_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Another name."""
        return self.answer(views.RenameView, request, None, object_id=object_id)

    def reveal_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """One secret."""
        return self.answer(views.RevealView, request, None, object_id=object_id)

    def import_view(self, request: HttpRequest) -> HttpResponseBase:
        """The configuration of a client, taken over."""
        return self.answer(views.ImportView, request, None)

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The configuration for a client."""
        return self.answer(views.ExportView, request, None)

    def backups_view(self, request: HttpRequest) -> HttpResponseBase:
        """The backups of a document."""
        return self.answer(views.BackupsView, request, None)

    def restore_view(self, request: HttpRequest) -> HttpResponseBase:
        """One of them comes back."""
        return self.answer(views.RestoreView, request, None)
