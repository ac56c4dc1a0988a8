"""One way to page through the entries of any storage, whatever its adapter supports.

An adapter with a change log reads a page in one query. An adapter that implements only the five
basic methods lists its keys and reads the values one by one. Callers that show or copy entries
(REST, admin, the ``storage`` command) use :func:`list_entries` for both.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from .backends.base import BaseStorage
from .exceptions import KeyNotFound
from .types import Entry
from .watch.log import PAGE_BYTES


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainEntry:
    """An entry of an adapter without revisions: like ``Entry``, but only key and value are known.

    ``value`` is None if it was not requested.
    """

    key: str
    value: bytes | None
    revision: None = None
    created_revision: None = None
    updated_at: None = None
    actor: None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryPage:
    """A page of entries in key order.

    ``revision`` and ``epoch`` are those of the storage when the page was read. They are None if
    the adapter does not keep them.
    """

    entries: Sequence[Entry | PlainEntry]
    #: pass it as ``after`` to read the next page; None: this is the last page
    next_after: str | None
    revision: int | None = None
    epoch: str | None = None


def list_entries(
    storage: BaseStorage,
    prefix: str = "",
    after: str = "",
    limit: int = 1000,
    *,
    values: bool = True,
    max_bytes: int = PAGE_BYTES,
) -> EntryPage:
    """Return the entries whose key begins with ``prefix`` and sorts after ``after``.

    Args:
        limit: The largest number of entries in the page, at least 1.
        values: If false, values are not loaded where the adapter can avoid it: ``Entry.value``
            is then empty and ``PlainEntry.value`` is None.
        max_bytes: The page ends early once its values reach this size. A page holds at least
            one entry, however large. Adapters that support revisions but not resuming ignore it.
    """
    if storage.supports_resume:
        return _read_page(storage, prefix, after, limit, values, max_bytes)
    if storage.supports_revisions:
        entries = storage.entries(prefix, after=after, limit=limit + 1)
        return _cut(entries, limit, storage.revision, None)
    return _read_one_by_one(storage, prefix, after, limit, values, max_bytes)


def _read_page(
    storage: BaseStorage, prefix: str, after: str, limit: int, values: bool, max_bytes: int
) -> EntryPage:
    # One entry more than requested tells whether another page follows.
    found = storage.page(prefix, after, limit + 1, values=values, max_bytes=max_bytes)
    page = _cut(found.entries, limit, found.revision, found.epoch)
    if page.next_after is not None or not values or not found.entries:
        return page
    # The page may have ended early because of max_bytes: only another query can tell.
    last = found.entries[-1].key
    follows = storage.page(prefix, last, 1, values=False).entries
    return EntryPage(
        entries=page.entries,
        next_after=last if follows else None,
        revision=page.revision,
        epoch=page.epoch,
    )


def _cut(
    entries: Sequence[Entry], limit: int, revision: int | None, epoch: str | None
) -> EntryPage:
    more = len(entries) > limit
    entries = entries[:limit] if more else entries
    return EntryPage(
        entries=entries,
        next_after=entries[-1].key if more else None,
        revision=revision,
        epoch=epoch,
    )


def _read_one_by_one(
    storage: BaseStorage, prefix: str, after: str, limit: int, values: bool, max_bytes: int
) -> EntryPage:
    keys = storage.list(prefix)
    start = end = bisect_right(keys, after) if after else 0
    entries: list[PlainEntry] = []
    size = 0
    for key in keys[start : start + limit]:
        if size >= max_bytes:
            break
        end += 1
        try:
            value = storage.read(key) if values else None
        except KeyNotFound:
            # The key was deleted after it was listed.
            continue
        size += len(value or b"")
        entries.append(PlainEntry(key=key, value=value))
    return EntryPage(entries=entries, next_after=keys[end - 1] if end < len(keys) else None)
