"""The model-backed adapter: entries and changes as rows of the project's database."""

from __future__ import annotations

from .storage import DatabaseStorage

__all__ = ["DatabaseStorage"]
