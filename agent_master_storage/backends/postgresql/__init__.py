"""The model-backed adapter on PostgreSQL, with psycopg 3."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    # DatabaseStorage imports the statements of this package.
    if name == "PostgreSQLStorage":
        from .storage import PostgreSQLStorage

        return PostgreSQLStorage
    raise AttributeError(name)
