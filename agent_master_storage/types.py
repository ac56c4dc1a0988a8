"""What goes into a storage and comes out of it: frozen dataclasses, nothing else.

Times are aware datetimes in UTC, values are bytes, revisions are ints from 1; 0 is the time
before anything was written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """The state of one key."""

    key: str
    value: bytes
    #: of the last write
    revision: int
    #: of the write that made the key, since it was last missing
    created_revision: int
    updated_at: datetime
    #: who wrote it; may be empty
    actor: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One thing that happened to one key."""

    type: Literal["write", "delete"]
    key: str
    #: None for a delete
    value: bytes | None
    revision: int
    #: the key's revision before this change; 0: the key was new
    previous_revision: int
    at: datetime
    actor: str = ""
    #: whether this is the last change of its revision: resume only from there
    last: bool = True
    #: the ``created_revision`` of the entry that was written or deleted; 0 when not known
    created_revision: int = 0

    def to_entry(self, *, values: bool = True) -> Entry:
        """Return the entry that this write left; without ``values``, its value is empty."""
        return Entry(
            key=self.key,
            value=(self.value or b"") if values else b"",
            revision=self.revision,
            created_revision=self.created_revision,
            updated_at=self.at,
            actor=self.actor,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """All entries under a prefix, sorted by key, at one moment."""

    revision: int
    epoch: str
    entries: list[Entry]


@dataclass(frozen=True, slots=True)
class Write:
    """Operation of a commit: set ``key`` to ``data``.

    With ``if_revision`` only when the entry stands at that revision; 0: only when missing.
    """

    key: str
    data: bytes
    if_revision: int | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Operation of a commit: remove ``key``, which must be there."""

    key: str
    if_revision: int | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """Operation of a commit: go on only if ``key`` stands at ``revision`` (0: is missing)."""

    key: str
    revision: int


# The interface has a method named list, which hides the builtin from its annotations.
Keys: TypeAlias = list[str]
Entries: TypeAlias = list[Entry]
Changes: TypeAlias = list[Change]

Operation: TypeAlias = Write | Delete | Check

#: called with the new value, None when the key was deleted
WatchHandler: TypeAlias = Callable[[bytes | None], object]

Unsubscribe: TypeAlias = Callable[[], None]
