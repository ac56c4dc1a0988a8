"""How an entry stood at an earlier revision, from the log and the present."""

from __future__ import annotations

from typing import Protocol

from ..exceptions import KeyNotFound, RevisionCompacted, WrongType
from ..types import Change, Entry
from ..watch import LogState


class Remembering(Protocol):
    """The three hooks of LoggedStorage that this needs."""

    def _get(self, key: str) -> Entry | None: ...

    def _around(self, key: str, revision: int) -> tuple[Change | None, Change | None]: ...

    def _state(self) -> LogState: ...


def entry_at(storage: Remembering, key: str, revision: int) -> Entry:
    """See BaseStorage.entry(): never a KeyNotFound out of ignorance."""
    while True:
        # The state last: what was compacted while we read must not look like nothing.
        before, after = storage._around(key, revision)
        entry = _get(storage, key)
        state = storage._state()
        if revision > state.revision:
            state.check(revision)
        if entry is not None and entry.revision <= revision:
            return entry
        if revision and revision < state.compacted:
            break
        if before is not None:
            return _entry_of(before)
        if after is not None and 0 < after.previous_revision <= revision:
            break
        # To read it may have brought to light that somebody else had removed it.
        if entry is None and after is None and storage._around(key, revision)[1] is not None:
            continue
        if after is not None or entry is None or not revision:
            raise KeyNotFound(key)
        # Written between the two readings: look again.
    raise RevisionCompacted(
        f"the log no longer tells how {key!r} stood at revision {revision}",
        oldest=state.compacted + 1,
    )


def _get(storage: Remembering, key: str) -> Entry | None:
    try:
        return storage._get(key)
    except WrongType:
        # There is no entry now; what there was is in the log.
        return None


def _entry_of(change: Change) -> Entry:
    if change.value is None:
        raise KeyNotFound(change.key)
    return change.to_entry()
