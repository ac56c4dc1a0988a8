"""Between rows of the database and the public types."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from ..types import Change, Entry


def entry(row: Sequence[Any]) -> Entry:
    """Of the columns that sql.GET selects."""
    key, value, revision, created, at, actor = row
    return Entry(
        key=key,
        value=b"" if value is None else bytes(value),
        revision=revision,
        created_revision=created,
        updated_at=from_database(at),
        actor=actor,
    )


def change(row: Sequence[Any]) -> Change:
    """Of the columns that sql.log_rows() selects."""
    revision, _, key, value, previous, created, at, actor = row
    return Change(
        type="delete" if value is None else "write",
        key=key,
        value=None if value is None else bytes(value),
        revision=revision,
        previous_revision=previous,
        at=from_database(at),
        actor=actor,
        created_revision=created,
    )


def to_database(connection: BaseDatabaseWrapper, at: datetime) -> Any:
    """As Django would store it, so that the admin reads it back the same."""
    if not settings.USE_TZ and connection.vendor == "sqlite":
        at = timezone.make_naive(at)
    return connection.ops.adapt_datetimefield_value(at)


def from_database(at: Any) -> datetime:
    """An aware datetime in UTC of what a bare cursor returns."""
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    if at.tzinfo is None:
        # SQLite keeps no zone: UTC under USE_TZ, else the project's.
        at = at.replace(tzinfo=UTC) if settings.USE_TZ else timezone.make_aware(at)
    utc: datetime = at.astimezone(UTC)
    return utc
