"""The state of a storage at one revision, read page by page.

A page contains the present entries. Those that have changed since the revision of the snapshot
are replaced by their former state from the log. So a snapshot of any size needs the memory of one
page, however slowly the client reads it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence

from ..backends.base import BaseStorage
from ..exceptions import KeyNotFound
from ..types import Entry, Snapshot
from ..watch import Selector
from ..watch.log import PAGE_BYTES

#: the entries of a page, and whether another page follows
Page = tuple[Sequence[Entry], bool]

#: bytes of an entry in addition to its key and value
ENTRY_BYTES = 200


class SnapshotReader:
    """Read the entries that ``selector`` matches as of ``revision``, page by page.

    ``done`` is true after the last page. After an error, read() may be called again.
    """

    def __init__(self, storage: BaseStorage, selector: Selector, revision: int, epoch: str) -> None:
        self.revision = revision
        self.epoch = epoch
        self.done = False
        self._storage = storage
        self._selector = selector
        # The last key of the pages that have been read.
        self._after = ""
        # The keys with changes after ``revision`` and up to ``_seen``.
        self._changed: set[str] = set()
        self._seen = revision

    def read(self) -> list[Page]:
        """Return the next page of about PAGE_BYTES, rarely several pages.

        Raises:
            RevisionCompacted: The log no longer covers the revision, or the epoch has changed.
        """
        key = self._selector.key
        if key is not None:
            pages: list[Page] = [(list(self._entries_at_revision([key])), False)]
            self.done = True
            return pages
        entries = self._page(self._after)
        end = entries[-1].key if entries else self._after
        more = bool(entries) and self._has_more(end)
        pages = list(_split(self._restore(entries, end if more else None), more))
        self._after, self.done = end, not more
        return pages

    def _page(self, after: str) -> Sequence[Entry]:
        page = self._storage.page(self._selector.prefix, after)
        self._catch_up(page)
        return page.entries

    def _has_more(self, end: str) -> bool:
        following = self._storage.page(self._selector.prefix, end, 1, values=False)
        self._catch_up(following)
        return bool(following.entries)

    def _catch_up(self, page: Snapshot) -> None:
        """Record the keys that have changed up to the revision of ``page``."""
        if page.epoch != self.epoch:
            self._storage.log_state().check(self.revision, self.epoch)
        while self._seen < page.revision:
            log = self._storage.read_log(self._seen, self._selector)
            log.state.check(self.revision, self.epoch)
            self._changed.update(change.key for change in log.changes)
            self._seen = log.through

    def _restore(self, entries: Sequence[Entry], end: str | None) -> Sequence[Entry]:
        """Return the entries of a page up to ``end`` (None: no limit) as of the revision."""
        after = self._after
        changed = {key for key in self._changed if after < key and (end is None or key <= end)}
        if not changed:
            return entries
        restored = [entry for entry in entries if entry.key not in changed]
        restored.extend(self._entries_at_revision(changed))
        return sorted(restored, key=lambda entry: entry.key)

    def _entries_at_revision(self, keys: Iterable[str]) -> Iterator[Entry]:
        for key in keys:
            with contextlib.suppress(KeyNotFound):
                yield self._storage.entry(key, revision=self.revision)


def _split(entries: Sequence[Entry], more: bool) -> Iterator[Page]:
    """Split a page that restored entries have made too large."""
    start = size = 0
    for index, entry in enumerate(entries, 1):
        size += len(entry.value) + len(entry.key) + ENTRY_BYTES
        if size >= PAGE_BYTES and index < len(entries):
            yield entries[start:index], True
            start, size = index, 0
    yield entries[start:], more
