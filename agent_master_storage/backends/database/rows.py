"""Between rows of the database and the public types."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from ...types import Change, Entry


def entry(connection: BaseDatabaseWrapper, row: Sequence[Any]) -> Entry:
    """Of the columns that sql.GET selects."""
    key, value, revision, created, at, actor = row
    return Entry(
        key=key,
        value=b"" if value is None else bytes(value),
        revision=revision,
        created_revision=created,
        updated_at=from_database(connection, at),
        actor=actor,
    )


def change(connection: BaseDatabaseWrapper, row: Sequence[Any]) -> Change:
    """Of the columns that sql.log_rows() selects."""
    revision, _, key, value, previous, created, at, actor = row
    return Change(
        type="delete" if value is None else "write",
        key=key,
        value=None if value is None else bytes(value),
        revision=revision,
        previous_revision=previous,
        at=from_database(connection, at),
        actor=actor,
        created_revision=created,
    )


def to_database(connection: BaseDatabaseWrapper, at: datetime) -> Any:
    """As Django would store it, so that the admin reads it back the same; ``at`` is in UTC."""
    if connection.vendor != "sqlite":
        return at
    # SQLite keeps no zone: the database's under USE_TZ, else the project's.
    zone = connection.timezone if settings.USE_TZ else timezone.get_default_timezone()
    if zone is not UTC:
        at = at.astimezone(zone)
    return str(at.replace(tzinfo=None))


def from_database(connection: BaseDatabaseWrapper, at: Any) -> datetime:
    """An aware datetime in UTC of what a bare cursor returns."""
    if at.tzinfo is None:
        zone = connection.timezone if settings.USE_TZ else None
        at = timezone.make_aware(at, zone)
    utc: datetime = at.astimezone(UTC)
    return utc
