"""Listing and reading whatever an adapter can, in one shape."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from .. import serialization as wire
from ..backends.base import BaseStorage
from ..backends.logged import LoggedStorage
from ..exceptions import KeyNotFound
from ..types import Entry, Snapshot
from ..watch.log import PAGE_BYTES


def page(
    storage: BaseStorage, prefix: str, after: str, limit: int, values: bool, encoding: str
) -> dict[str, Any]:
    """``revision``, ``epoch``, ``results`` and ``after``: the key to go on from, or None."""
    if isinstance(storage, LoggedStorage):
        return _logged_page(storage, prefix, after, limit, values, encoding)
    if storage.supports_revisions:
        entries = storage.entries(prefix, after=after, limit=limit)
        results = [wire.entry(entry, encoding, values=values) for entry in entries]
        return _shape(storage.revision, None, results, len(entries) == limit)
    return _plain_page(storage, prefix, after, limit, values, encoding)


def _logged_page(
    storage: LoggedStorage, prefix: str, after: str, limit: int, values: bool, encoding: str
) -> dict[str, Any]:
    found: Snapshot = storage.page(prefix, after, limit, values=values)
    results = [wire.entry(entry, encoding, values=values) for entry in found.entries]
    last = found.entries[-1].key if found.entries else ""
    more = bool(results) and bool(storage.page(prefix, last, 1, values=False).entries)
    return _shape(found.revision, found.epoch, results, more)


def _plain_page(
    storage: BaseStorage, prefix: str, after: str, limit: int, values: bool, encoding: str
) -> dict[str, Any]:
    keys = storage.list(prefix)
    start = bisect_right(keys, after) if after else 0
    results: list[dict[str, Any]] = []
    size = 0
    for key in keys[start : start + limit]:
        if size >= PAGE_BYTES:
            break
        try:
            value = storage.read(key) if values else b""
        except KeyNotFound:
            # Deleted since it was listed.
            start += 1
            continue
        size += len(value)
        results.append(plain_entry(key, value, encoding) if values else _bare(key))
    return _shape(None, None, results, start + len(results) < len(keys))


def _shape(
    revision: int | None, epoch: str | None, results: list[dict[str, Any]], more: bool
) -> dict[str, Any]:
    after = results[-1]["key"] if results and more else None
    return {"revision": revision, "epoch": epoch, "results": results, "after": after}


def plain_entry(key: str, value: bytes, encoding: str) -> dict[str, Any]:
    """The face of an entry of an adapter that keeps no revisions."""
    value_text, encoding = wire.encode(value, encoding)
    unknown = dict.fromkeys(("revision", "created_revision", "updated_at", "actor"))
    return {"key": key, "value": value_text, "encoding": encoding, **unknown}


def _bare(key: str) -> dict[str, Any]:
    return {"key": key, "revision": None}


def find(storage: BaseStorage, key: str, revision: int | None) -> Entry | bytes:
    """The entry, or the value alone where the adapter keeps no more."""
    if storage.supports_revisions or revision is not None:
        return storage.entry(key, revision=revision)
    return storage.read(key)
