"""The ModelAdmin of MCP destinations: where Django's admin meets the pages."""

from __future__ import annotations

from typing import ClassVar

from ....admin.model_admins import ONE
from ..model_admins import DocumentAdmin
from . import views


class DestinationAdmin(DocumentAdmin):
    """Destinations: list, add, edit, delete; preview and sync."""

    pages: ClassVar = {
        "changelist": ("", views.ListView),
        "add": ("add/", views.AddView),
        "delete": (f"{ONE}delete/", views.DeleteView),
        "change": (f"{ONE}change/", views.EditView),
        "sync": (f"{ONE}sync/", views.SyncView),
    }
