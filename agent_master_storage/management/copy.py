"""Copy the entries of one storage to another, whatever their adapters.

A copy can be repeated: after a failure it continues where it stopped, and a second run finds
nothing to do. Entries are copied in the order of their revisions, so that the copies have
revisions in the same order. Entries that were committed together are committed together.
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

#: entries read at once: without values, and with values if the adapter cannot omit them
PAGE = 1000
PAGE_OF_VALUES = 50


@dataclass(frozen=True, kw_only=True)
class Differences:
    """The keys that differ between two storages."""

    missing: list[str]
    different: list[str]
    #: only in the target; a copy does not delete them
    extra: list[str]

    def __bool__(self) -> bool:
        return bool(self.missing or self.different or self.extra)


class StorageCopy:
    """A copy from ``source`` to ``target``.

    Args:
        progress: Called with the number of processed keys and of all keys after each step.
    """

    def __init__(
        self, source: BaseStorage, target: BaseStorage, progress: Callable[[int, int], None]
    ) -> None:
        self._source = source
        self._target = target
        self._progress = progress
        self._in_order = (
            source.supports_revisions and target.supports_revisions and target.supports_commit
        )
        # The revision in the target of the last copy whose order is correct.
        self._last = 0

    def run(self) -> int:
        """Copy the entries that are missing, different or out of order.

        Returns:
            The number of keys written.

        Raises:
            RevisionConflict: One of the keys was changed in the target at the same time.
        """
        written = done = 0
        plan = _keys_by_revision(self._source)
        total = sum(len(keys) for keys in plan)
        for keys in plan:
            written += self._copy_group(keys)
            done += len(keys)
            self._progress(done, total)
        return written

    def compare(self) -> Differences:
        """Compare all entries of both storages without writing anything."""
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

    def _copy_group(self, keys: Sequence[str]) -> int:
        """Copy the keys of one commit of the source, and return how many were written."""
        if not self._in_order:
            return sum(self._copy_value(key) for key in keys)
        # Without the keys that were deleted after the plan was made.
        entries = [entry for key in keys if (entry := _entry(self._source, key))]
        present = [_entry(self._target, entry.key) for entry in entries]
        if self._is_copied(entries, present):
            return 0
        writes = [
            Write(entry.key, entry.value, copy.revision if copy else 0)
            for entry, copy in zip(entries, present, strict=True)
        ]
        with actor(entries[0].actor):
            self._last = self._target.commit(writes)
        return len(writes)

    def _is_copied(self, entries: Sequence[Entry], present: Sequence[Entry | None]) -> bool:
        """Return whether the target has these values in one revision after the previous copy."""
        pairs = zip(entries, present, strict=True)
        if not all(copy is not None and copy.value == entry.value for entry, copy in pairs):
            return False
        revisions = {copy.revision for copy in present if copy is not None}
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
    """Return all keys in revision order, grouped by commit; without revisions, in key order."""
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
