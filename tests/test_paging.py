"""list_entries(): one paging over adapters with and without revisions or a change log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from agent_master_storage.backends.base import BaseStorage
from agent_master_storage.backends.memory import MemoryStorage
from agent_master_storage.exceptions import NotSupported
from agent_master_storage.paging import list_entries

from .support.dict_storage import DictStorage


class RevisionsOnly(MemoryStorage):
    """An adapter that supports revisions, but no change log and no commits."""

    supports_commit: ClassVar[bool] = False
    supports_resume: ClassVar[bool] = False

    def page(self, *args: Any, **kwargs: Any) -> Any:
        raise NotSupported("no change log")

    def commit(self, operations: Any) -> int:
        raise NotSupported("no commits")


@pytest.fixture(params=[MemoryStorage, RevisionsOnly, DictStorage])
def storage(request: pytest.FixtureRequest) -> BaseStorage:
    make: Callable[[], BaseStorage] = request.param
    filled = make()
    for key in ("a1", "a2", "a3", "b"):
        filled.write(key, key.encode() * 10)
    return filled


def test_pages_follow_each_other(storage: BaseStorage) -> None:
    first = list_entries(storage, "a", limit=2)
    assert [(entry.key, entry.value) for entry in first.entries] == [
        ("a1", b"a1" * 10),
        ("a2", b"a2" * 10),
    ]
    assert first.next_after == "a2"
    last = list_entries(storage, "a", "a2", limit=2)
    assert ([entry.key for entry in last.entries], last.next_after) == (["a3"], None)


def test_full_last_page_has_no_next(storage: BaseStorage) -> None:
    assert list_entries(storage, limit=4).next_after is None
    assert list_entries(storage, "none").entries == []


def test_revision_and_epoch_are_those_of_the_adapter(storage: BaseStorage) -> None:
    page = list_entries(storage, values=False)
    assert page.revision == (storage.revision if storage.supports_revisions else None)
    assert page.epoch == (storage.epoch if storage.supports_resume else None)
    revisions = [entry.revision for entry in page.entries]
    assert revisions == ([1, 2, 3, 4] if storage.supports_revisions else [None] * 4)


@pytest.mark.parametrize("make", [MemoryStorage, DictStorage])
def test_page_ends_early_at_max_bytes(make: Callable[[], BaseStorage]) -> None:
    storage = make()
    for key in "abc":
        storage.write(key, b"x" * 10)
    page = list_entries(storage, max_bytes=15)
    assert ([entry.key for entry in page.entries], page.next_after) == (["a", "b"], "b")
    assert len(list_entries(storage, values=False, max_bytes=15).entries) == 3
