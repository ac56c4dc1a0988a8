"""Pages of entries as JSON, for every kind of adapter."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from .. import serialization
from ..backends.base import BaseStorage
from ..paging import PlainEntry, list_entries
from ..types import Entry
from . import params


def page_of_entries(storage: BaseStorage, request: Request) -> dict[str, Any]:
    """Return the body of a list response: revision, epoch, results and the link to the next page.

    Raises:
        InvalidValue: A query parameter is not valid.
    """
    values = params.flag(request, "values", True)
    encoding = params.encoding(request)
    page = list_entries(
        storage,
        params.text(request, "prefix"),
        params.text(request, "after"),
        params.limit(request),
        values=values,
    )
    return {
        "revision": page.revision,
        "epoch": page.epoch,
        "results": [_row(entry, encoding, values) for entry in page.entries],
        "next": next_link(request, "after", page.next_after),
    }


def next_link(request: Request, name: str, value: Any) -> str | None:
    """Return the URL of the request with the parameter replaced, or None if ``value`` is None."""
    if value is None:
        return None
    return replace_query_param(request.build_absolute_uri(), name, value)


def plain_entry(key: str, value: bytes, encoding: str) -> dict[str, Any]:
    """Return the representation of an entry whose adapter does not support revisions."""
    encoded, encoding = serialization.encode(value, encoding)
    unknown = dict.fromkeys(("revision", "created_revision", "updated_at", "actor"))
    return {"key": key, "value": encoded, "encoding": encoding, **unknown}


def _row(entry: Entry | PlainEntry, encoding: str, values: bool) -> dict[str, Any]:
    if not values:
        return {"key": entry.key, "revision": entry.revision}
    if isinstance(entry, PlainEntry):
        return plain_entry(entry.key, entry.value or b"", encoding)
    return serialization.entry(entry, encoding)
