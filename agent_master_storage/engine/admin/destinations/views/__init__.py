"""The admin's pages for MCP destinations. ``base.py`` is what they share."""

from __future__ import annotations

from .adding import AddView
from .deleting import DeleteView
from .editing import EditView
from .listing import ListView
from .syncing import SyncView

__all__ = ["AddView", "DeleteView", "EditView", "ListView", "SyncView"]
