"""The admin's pages, a page or two a file. ``base.py`` is what they share."""

from __future__ import annotations

from .adding import AddView
from .base import StorageView
from .bulk import BulkDeleteView
from .changes import ChangesView, HistoryView
from .comparing import DiffView
from .deleting import DeleteView
from .downloading import DownloadView
from .editing import EditView
from .listing import ListView
from .restoring import RestoreView

__all__ = [
    "AddView",
    "BulkDeleteView",
    "ChangesView",
    "DeleteView",
    "DiffView",
    "DownloadView",
    "EditView",
    "HistoryView",
    "ListView",
    "RestoreView",
    "StorageView",
]
