"""The admin's pages for MCP servers, a page or two a file. ``base.py`` is what they share."""

from __future__ import annotations

from .adding import AddView
from .backups import BackupsView, RestoreView
from .deleting import DeleteView
from .editing import EditView, RevealView
from .exporting import ExportView
from .importing import ImportView
from .listing import ListView
from .renaming import RenameView

__all__ = [
    "AddView",
    "BackupsView",
    "DeleteView",
    "EditView",
    "ExportView",
    "ImportView",
    "ListView",
    "RenameView",
    "RestoreView",
    "RevealView",
]
