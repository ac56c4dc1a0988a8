"""The ModelAdmin of MCP servers: where Django's admin meets the pages."""

from __future__ import annotations

from typing import ClassVar

from ....admin.model_admins import ONE
from ..model_admins import DocumentAdmin
from . import views


class ServerAdmin(DocumentAdmin):
    """Servers: list, add, edit, delete, rename; import, export, backups."""

    pages: ClassVar = {
        "changelist": ("", views.ListView),
        "add": ("add/", views.AddView),
        "import": ("import/", views.ImportView),
        "export": ("export/", views.ExportView),
        "backups": ("backups/", views.BackupsView),
        "backups_restore": ("backups/restore/", views.RestoreView),
        "delete": (f"{ONE}delete/", views.DeleteView),
        "change": (f"{ONE}change/", views.EditView),
        "rename": (f"{ONE}rename/", views.RenameView),
        "reveal": (f"{ONE}reveal/", views.RevealView),
    }
