"""The change log from its newest end, a page at a time.

history() reads forward from a revision. The newest changes are found by looking at the last
few revisions, and where a filter matches few of them, at twice as many again and again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.http import Http404

from ..backends.base import BaseStorage
from ..exceptions import RevisionCompacted
from ..types import Change
from ..watch import Selector
from .legible import Keyed

#: changes read at once; their values are in memory together
READ_AT_ONCE = 25
#: looks of a page into the log, each at twice as many revisions as the one before
LOOKS = 16


@dataclass(frozen=True, kw_only=True)
class Line(Keyed):
    """A change without its value."""

    alias: str
    key: str
    #: created, changed or deleted
    event: str
    revision: int
    at: datetime
    actor: str
    #: in bytes; None for a delete
    size: int | None


@dataclass(frozen=True, kw_only=True)
class LogPage:
    """Some changes, the newest first."""

    lines: list[Line]
    #: the next page holds the changes before this revision; None: the log ends here
    before: int | None
    #: the oldest revision that the log holds
    oldest: int


def newest(storage: BaseStorage, selector: Selector, before: int | None, limit: int) -> LogPage:
    """The last ``limit`` changes before the revision ``before``; None: the last of all.

    A revision is never split, so that more may come.
    """
    upper = storage.revision + 1 if before is None else min(before, storage.revision + 1)
    oldest, width = storage.oldest, limit
    found: list[Line] = []
    for _ in range(LOOKS):
        if len(found) >= limit or upper <= oldest:
            break
        lower = max(oldest, upper - width)
        found = _between(storage, selector, lower, upper) + found
        upper, width = lower, width * 2
    shown = _newest_first(found, limit)
    if len(shown) < len(found):
        upper = shown[-1].revision
    return LogPage(lines=shown, before=upper if upper > oldest else None, oldest=oldest)


def _between(storage: BaseStorage, selector: Selector, lower: int, upper: int) -> list[Line]:
    """The changes from the revision ``lower`` to before ``upper``, the oldest first."""
    found: list[Line] = []
    since = lower - 1
    while since < upper - 1:
        changes = _read(storage, selector, since)
        found += [line_of(storage.alias, c) for c in changes if c.revision < upper]
        if len(changes) < READ_AT_ONCE:
            break
        since = changes[-1].revision
    return found


def _read(storage: BaseStorage, selector: Selector, since: int) -> list[Change]:
    for _ in range(LOOKS):
        try:
            return storage.history(
                selector.prefix, key=selector.key, since=since, limit=READ_AT_ONCE
            )
        except RevisionCompacted as error:
            # Dropped from the log while we read.
            since = error.oldest - 1
    return []


def _newest_first(found: list[Line], limit: int) -> list[Line]:
    shown: list[Line] = []
    for line in reversed(found):
        if len(shown) >= limit and line.revision != shown[-1].revision:
            break
        shown.append(line)
    return shown


def line_of(alias: str, change: Change) -> Line:
    """What a list says of a change."""
    event = "changed" if change.previous_revision else "created"
    return Line(
        alias=alias,
        key=change.key,
        event="deleted" if change.value is None else event,
        revision=change.revision,
        at=change.at,
        actor=change.actor,
        size=None if change.value is None else len(change.value),
    )


def change_at(storage: BaseStorage, key: str, revision: int) -> Change:
    """The change of ``key`` at exactly ``revision``; Http404 when there was none.

    RevisionCompacted when the log no longer holds it.
    """
    if not revision:
        raise Http404("nothing was changed at revision 0")
    found = storage.history(key=key, since=revision - 1, limit=1)
    if not found or found[0].revision != revision:
        raise Http404(f"{key!r} was not changed at revision {revision}")
    return found[0]


def last_change(storage: BaseStorage, key: str) -> Line | None:
    """The newest change of ``key`` in the log: who deleted it, for example."""
    if not storage.supports_resume:
        return None
    lines = newest(storage, Selector.of(key=key), None, 1).lines
    return lines[0] if lines else None
