"""The state of a storage at one revision, read a page at a time.

A page shows the present. What has changed since is put back from the log, so that a snapshot
of any size takes the memory of one page, however slowly the client takes it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence

from ..backends.logged import LoggedStorage
from ..exceptions import KeyNotFound
from ..types import Entry, Snapshot
from ..watch import Selector
from ..watch.log import PAGE_BYTES

#: entries of a page, and whether there is another one
Page = tuple[Sequence[Entry], bool]

#: what an entry weighs beside its key and value
ENTRY_BYTES = 200


class SnapshotReader:
    """The pages of what ``selector`` matches, as it stood at ``revision``.

    ``done`` when the last one has been read. After an error, read() may be tried again.
    """

    def __init__(
        self, storage: LoggedStorage, selector: Selector, revision: int, epoch: str
    ) -> None:
        self.revision = revision
        self.epoch = epoch
        self.done = False
        self._storage = storage
        self._selector = selector
        # The pages read so far end here.
        self._after = ""
        # The keys that were changed after ``revision`` and up to ``_seen``.
        self._changed: set[str] = set()
        self._seen = revision

    def read(self) -> list[Page]:
        """The next page of about PAGE_BYTES, seldom several.

        RevisionCompacted when the log no longer tells, or under another epoch.
        """
        key = self._selector.key
        if key is not None:
            pages: list[Page] = [(list(self._standing([key])), False)]
            self.done = True
            return pages
        entries = self._page(self._after)
        end = entries[-1].key if entries else self._after
        more = bool(entries) and self._goes_on(end)
        pages = list(_cut(self._put_back(entries, end if more else None), more))
        self._after, self.done = end, not more
        return pages

    def _page(self, after: str) -> Sequence[Entry]:
        page = self._storage.page(self._selector.prefix, after)
        self._catch_up(page)
        return page.entries

    def _goes_on(self, end: str) -> bool:
        following = self._storage.page(self._selector.prefix, end, 1, values=False)
        self._catch_up(following)
        return bool(following.entries)

    def _catch_up(self, page: Snapshot) -> None:
        """Take note of what has changed up to the moment of ``page``, and after it."""
        if page.epoch != self.epoch:
            self._storage.log_state().check(self.revision, self.epoch)
        while self._seen < page.revision:
            log = self._storage.read_log(self._seen, self._selector)
            log.state.check(self.revision, self.epoch)
            self._changed.update(change.key for change in log.changes)
            self._seen = log.through

    def _put_back(self, entries: Sequence[Entry], end: str | None) -> Sequence[Entry]:
        """The entries of a page up to ``end``, None for no end, as they stood."""
        after = self._after
        changed = {key for key in self._changed if after < key and (end is None or key <= end)}
        if not changed:
            return entries
        standing = [entry for entry in entries if entry.key not in changed]
        standing.extend(self._standing(changed))
        return sorted(standing, key=lambda entry: entry.key)

    def _standing(self, keys: Iterable[str]) -> Iterator[Entry]:
        for key in keys:
            with contextlib.suppress(KeyNotFound):
                yield self._storage.entry(key, revision=self.revision)


def _cut(entries: Sequence[Entry], more: bool) -> Iterator[Page]:
    """What was put back may make a page longer than one should be."""
    start = size = 0
    for index, entry in enumerate(entries, 1):
        size += len(entry.value) + len(entry.key) + ENTRY_BYTES
        if size >= PAGE_BYTES and index < len(entries):
            yield entries[start:index], True
            start, size = index, 0
    yield entries[start:], more
