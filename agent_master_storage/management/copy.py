"""Copying one storage into another, through the public interface: any adapter to any other.

What matters is that it can be run again: after a failure it goes on where it was, and a second
run finds nothing to do. Keys are copied in the order of their revisions, so that the copies have
theirs in the same order; keys that were written together are written together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ..actor import actor
from ..backends.base import BaseStorage
from ..exceptions import KeyNotFound
from ..paging import PlainEntry, list_entries
from ..types import Entry, Write

#: entries asked for at once; with their values, where an adapter can't leave them out
PAGE = 1000
PAGE_OF_VALUES = 50


@dataclass(frozen=True, kw_only=True)
class Differences:
    """What a comparison found: keys."""

    missing: list[str]
    different: list[str]
    #: in the target alone; a copy leaves them there
    extra: list[str]

    def __bool__(self) -> bool:
        return bool(self.missing or self.different or self.extra)


class Copy:
    """From ``source`` to ``target``; ``progress(done, all)`` is called after each step."""

    def __init__(
        self, source: BaseStorage, target: BaseStorage, progress: Callable[[int, int], None]
    ) -> None:
        self._source = source
        self._target = target
        self._progress = progress
        self._in_order = source.supports_revisions and target.supports_revisions
        # The highest revision in the target of what is in order so far.
        self._last = 0

    def run(self) -> int:
        """Copy what is missing, different or out of order; how many keys were written.

        RevisionConflict when somebody writes one of them in the target meanwhile.
        """
        written = done = 0
        plan = _keys_by_revision(self._source)
        total = sum(len(keys) for keys in plan)
        for keys in plan:
            written += self._copy_together(keys)
            done += len(keys)
            self._progress(done, total)
        return written

    def compare(self) -> Differences:
        """Look at every key of both, and write nothing."""
        keys, others = self._source.list(), set(self._target.list())
        missing, different = [], []
        for number, key in enumerate(keys, 1):
            if key not in others:
                missing.append(key)
            elif _value(self._source, key) != _value(self._target, key):
                different.append(key)
            self._progress(number, len(keys))
        return Differences(
            missing=missing, different=different, extra=sorted(others.difference(keys))
        )

    def _copy_together(self, keys: Sequence[str]) -> int:
        """What the source wrote as one; nothing if the target has it already."""
        if not self._in_order:
            return sum(self._copy_value(key) for key in keys)
        # Without those that were deleted since the plan was made.
        entries = [entry for key in keys if (entry := _entry(self._source, key))]
        standing = [_entry(self._target, entry.key) for entry in entries]
        if self._stands(entries, standing):
            return 0
        writes = [
            Write(entry.key, entry.value, there.revision if there else 0)
            for entry, there in zip(entries, standing, strict=True)
        ]
        with actor(entries[0].actor):
            self._last = self._target.commit(writes)
        return len(writes)

    def _stands(self, entries: Sequence[Entry], standing: Sequence[Entry | None]) -> bool:
        """Whether the target has these values, as one, behind what was copied before."""
        pairs = zip(entries, standing, strict=True)
        if not all(there is not None and there.value == entry.value for entry, there in pairs):
            return False
        revisions = {there.revision for there in standing if there is not None}
        if len(revisions) > 1 or any(revision <= self._last for revision in revisions):
            return False
        self._last = max(revisions, default=self._last)
        return True

    def _copy_value(self, key: str) -> int:
        value = _value(self._source, key)
        if value is None or value == _value(self._target, key):
            return 0
        self._target.write(key, value)
        return 1


def _keys_by_revision(storage: BaseStorage) -> list[list[str]]:
    """All keys, those written by one commit together; by key where there are no revisions."""
    if not storage.supports_revisions:
        return [[key] for key in storage.list()]
    found = sorted((entry.revision, entry.key) for entry in _entries(storage))
    return [[key for _, key in group] for _, group in groupby(found, lambda pair: pair[0])]


def _entries(storage: BaseStorage) -> Iterator[Entry | PlainEntry]:
    """Yield all entries, page by page, without their values if the adapter can omit them."""
    limit = PAGE if storage.supports_resume else PAGE_OF_VALUES
    after: str | None = ""
    while after is not None:
        page = list_entries(storage, after=after, limit=limit, values=False)
        yield from page.entries
        after = page.next_after


def _entry(storage: BaseStorage, key: str) -> Entry | None:
    try:
        return storage.entry(key)
    except KeyNotFound:
        return None


def _value(storage: BaseStorage, key: str) -> bytes | None:
    try:
        return storage.read(key)
    except KeyNotFound:
        return None
