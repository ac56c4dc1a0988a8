"""One face for all adapters: what a key holds, and changing it only if it still does.

What a page has seen of a key is a short text that its form carries and a save gives back. For
an adapter with revisions that is the revision and the epoch. For one that has but the five
methods it is a hash of the value: looked at right before the save, which leaves a moment in
which another's change goes unnoticed, and the pages say so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, groupby, zip_longest
from typing import Any

from ..backends.base import BaseStorage
from ..backends.commit import MAX_COMMIT_OPERATIONS
from ..exceptions import InvalidValue, KeyNotFound, RevisionConflict
from ..paging import PlainEntry, list_entries
from ..types import Delete, Entry
from .content import Content
from .legible import Keyed

#: what was seen of a key that is missing
MISSING = "0"
#: bytes of values that a list loads to show how they begin
PREVIEW_BYTES = 1024 * 1024
#: the same where a value's size is found by reading it; one is in memory at a time
READ_BYTES = 16 * 1024 * 1024


class Stale(Exception):
    """Something else is there than was seen; nothing was changed."""

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__(keys)
        self.keys = keys


@dataclass(frozen=True, kw_only=True)
class Stored(Keyed):
    """What a key holds."""

    alias: str
    key: str
    content: Content
    #: given back by a save
    seen: str
    # None: the adapter keeps no revisions
    revision: int | None = None
    created_revision: int | None = None
    updated_at: datetime | None = None
    actor: str = ""


def content_of(stored: Stored | None) -> Content | None:
    """Its content, None when there is nothing stored."""
    return None if stored is None else stored.content


@dataclass(frozen=True, kw_only=True)
class Row(Keyed):
    """A line of a list."""

    alias: str
    key: str
    # None: the value was not loaded
    preview: str | None = None
    # in bytes; None: only reading the value would tell
    size: int | None = None
    revision: int | None = None
    updated_at: datetime | None = None
    actor: str = ""


# One key


def look(storage: BaseStorage, key: str) -> Stored | None:
    """What ``key`` holds now, None when it is missing."""
    try:
        if not storage.supports_revisions:
            return _plain(storage, key, storage.read(key))
        # The epoch first: under a newer one this revision would be another's.
        epoch = _epoch(storage)
        return _stored(storage, storage.entry(key), epoch)
    except KeyNotFound:
        return None


def look_back(storage: BaseStorage, key: str, revision: int) -> Stored | None:
    """What ``key`` held at ``revision``, None when it was missing.

    RevisionCompacted when the log no longer tells, NotSupported when it never did.
    """
    epoch = _epoch(storage)
    try:
        return _stored(storage, storage.entry(key, revision=revision), epoch)
    except KeyNotFound:
        return None


def put(storage: BaseStorage, key: str, data: bytes, seen: str) -> int | None:
    """Write and return the new revision, or raise Stale."""
    if not storage.supports_revisions:
        _check_plain(storage, key, seen)
        return storage.write(key, data)
    try:
        return storage.write(key, data, if_revision=_expected(storage, key, seen))
    except RevisionConflict as error:
        raise Stale([key]) from error


def remove(storage: BaseStorage, keys: Sequence[tuple[str, str]]) -> None:
    """Delete the keys, each given with what was seen of it, or raise Stale.

    All of them or none, if the adapter can commit several; else one after another. At most
    1,000 (InvalidValue).
    """
    if len(keys) > MAX_COMMIT_OPERATIONS:
        raise InvalidValue(f"at most {MAX_COMMIT_OPERATIONS} entries are deleted at once")
    if not storage.supports_commit:
        return _remove_each(storage, keys)
    try:
        storage.commit([Delete(key, _expected(storage, key, seen)) for key, seen in keys])
    except (RevisionConflict, KeyNotFound) as error:
        raise Stale(_stale(storage, keys) or [error.key]) from error
    return None


def _remove_each(storage: BaseStorage, keys: Sequence[tuple[str, str]]) -> None:
    # All are looked at before the first is deleted.
    if stale := _stale(storage, keys):
        raise Stale(stale)
    for key, seen in keys:
        try:
            if storage.supports_revisions:
                storage.delete(key, if_revision=_expected(storage, key, seen))
            else:
                storage.delete(key)
        except (RevisionConflict, KeyNotFound) as error:
            raise Stale([key]) from error


def seen_now(storage: BaseStorage, key: str) -> str:
    """What is to be seen of ``key``, without loading its value where that can be spared."""
    if not storage.supports_resume:
        stored = look(storage, key)
        return stored.seen if stored else MISSING
    # A key sorts before all that begin with it.
    found = storage.page(key, limit=1, values=False)
    if not found.entries or found.entries[0].key != key:
        return MISSING
    return f"{found.entries[0].revision}:{found.epoch}"


def revision_of(seen: str) -> int | None:
    """The revision in what was seen, None when there is none in it."""
    number = seen.partition(":")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else None


def _stale(storage: BaseStorage, keys: Sequence[tuple[str, str]]) -> list[str]:
    return [key for key, seen in keys if seen_now(storage, key) != seen]


def _expected(storage: BaseStorage, key: str, seen: str) -> int:
    revision = revision_of(seen)
    epoch = seen.partition(":")[2]
    if revision is None or (epoch and epoch != _epoch(storage)):
        raise Stale([key])
    return revision


def _check_plain(storage: BaseStorage, key: str, seen: str) -> None:
    if seen_now(storage, key) != seen:
        raise Stale([key])


def _plain(storage: BaseStorage, key: str, value: bytes) -> Stored:
    seen = f"sha256-{hashlib.sha256(value).hexdigest()}"
    return Stored(alias=storage.alias, key=key, content=Content(value), seen=seen)


def _stored(storage: BaseStorage, entry: Entry, epoch: str) -> Stored:
    return Stored(
        alias=storage.alias,
        key=entry.key,
        content=Content(entry.value),
        seen=f"{entry.revision}:{epoch}" if epoch else str(entry.revision),
        revision=entry.revision,
        created_revision=entry.created_revision,
        updated_at=entry.updated_at,
        actor=entry.actor,
    )


def _epoch(storage: BaseStorage) -> str:
    return storage.epoch if storage.supports_resume else ""


# Many keys


def rows(storage: BaseStorage, prefix: str, after: str, limit: int) -> list[Row]:
    """The next entries under ``prefix``, by key.

    Values are loaded up to PREVIEW_BYTES, the smallest first, so that a large one hides no
    other. An adapter without revisions tells sizes by reading alone: it is read, from the first
    key on, up to READ_BYTES.
    """
    entries = list_entries(storage, prefix, after, limit, values=False).entries
    if storage.supports_resume:
        return list(_rows_with_sizes(storage, prefix, after, limit, entries))
    if storage.supports_revisions:
        return [_row(storage, entry, Content(entry.value or b"")) for entry in entries]
    return list(_plain_rows(storage, entries))


def _rows_with_sizes(
    storage: BaseStorage, prefix: str, after: str, limit: int, entries: Sequence[Entry | PlainEntry]
) -> Iterator[Row]:
    sizes = storage.sizes(prefix, after, limit)[: len(entries)]
    loaded: dict[str, Content] = {}
    for start, end in _runs(_smallest(sizes)):
        before = entries[start - 1].key if start else after
        run = storage.page(prefix, before, end - start, max_bytes=PREVIEW_BYTES)
        loaded |= {entry.key: Content(entry.value) for entry in run.entries}
    # There are fewer sizes if keys were deleted between the two queries.
    for entry, size in zip_longest(entries, sizes):
        yield _row(storage, entry, loaded.get(entry.key), size)


def _smallest(sizes: Sequence[int]) -> list[int]:
    """The places of the smallest, as many as fill PREVIEW_BYTES, in order."""
    places = sorted(range(len(sizes)), key=sizes.__getitem__)
    total = accumulate(sizes[place] for place in places)
    return sorted(places[: sum(1 for size in total if size <= PREVIEW_BYTES)])


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The beginning and end of each stretch without a gap."""
    for _, run in groupby(enumerate(places), lambda pair: pair[1] - pair[0]):
        stretch = [place for _, place in run]
        yield stretch[0], stretch[-1] + 1


def _plain_rows(storage: BaseStorage, entries: Sequence[Entry | PlainEntry]) -> Iterator[Row]:
    left = READ_BYTES
    for entry in entries:
        content = content_of(look(storage, entry.key)) if left > 0 else None
        left -= content.size if content else 0
        yield _row(storage, entry, content)


def _row(
    storage: BaseStorage,
    entry: Entry | PlainEntry,
    content: Content | None,
    size: int | None = None,
) -> Row:
    return Row(
        alias=storage.alias,
        key=entry.key,
        revision=entry.revision,
        updated_at=entry.updated_at,
        actor=entry.actor or "",
        **_shown(content, size),
    )


def _shown(content: Content | None, size: int | None = None) -> dict[str, Any]:
    return {
        "preview": content.preview if content else None,
        "size": content.size if content else size,
    }
