"""Sizes and counts: exactly what is allowed, and one more."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from agent_master_storage import Check, Delete, Write, storages
from agent_master_storage.backends.commit import MAX_COMMIT_BYTES, MAX_COMMIT_OPERATIONS
from agent_master_storage.backends.memory import MemoryStorage
from agent_master_storage.backends.redis import RedisStorage
from agent_master_storage.exceptions import (
    InvalidKey,
    InvalidValue,
    RevisionCompacted,
    StorageError,
)
from agent_master_storage.models import Change, State
from agent_master_storage.testing import take

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


@pytest.fixture(
    params=["memory", "redis", "default", "postgres", "postgresql"],
    ids=["memory", "redis", "sqlite", "database", "postgresql"],
)
def storage(request: pytest.FixtureRequest) -> Any:
    return storages[request.param]


def another(storage: Any, **options: Any) -> Any:
    if isinstance(storage, MemoryStorage):
        return MemoryStorage(alias="test", **options)
    if isinstance(storage, RedisStorage):
        return RedisStorage(alias="test", url=storage.url, prefix=storage.prefix, **options)
    return type(storage)(alias="test", using=storage.using, **options)


def test_a_key_of_512_characters_and_one_more(storage: Any) -> None:
    for character in "a🔑":
        storage.write(character * 512, b"value")
        assert storage.read(character * 512) == b"value"
        with pytest.raises(StorageError):
            storage.write(character * 513, b"value")
    assert storage.revision == 2


def test_a_mebibyte_unless_set_otherwise_and_one_byte_more(storage: Any) -> None:
    storage.write("k", bytes(1024 * 1024))
    with pytest.raises(InvalidValue) as caught:
        storage.write("k", bytes(1024 * 1024 + 1))
    assert caught.value.code == "too_large"
    assert (storage.revision, len(storage.read("k"))) == (1, 1024 * 1024)
    larger = another(storage, max_value_size=10 * 1024 * 1024)
    larger.write("large", bytes(9 * 1024 * 1024))
    larger.commit([Write("large", bytes(10 * 1024 * 1024))])
    assert len(larger.read("large")) == 10 * 1024 * 1024


def test_a_thousand_operations_and_one_more(storage: Any) -> None:
    assert MAX_COMMIT_OPERATIONS == 1000
    writes = [Write(f"k{number:04}", b"") for number in range(1001)]
    with pytest.raises(InvalidValue, match="at most 1000 operations"):
        storage.commit(writes)
    with pytest.raises(InvalidValue):
        storage.commit([Check("k", 0), *writes[:1000]])
    assert storage.revision == 0
    assert storage.commit(writes[:1000]) == 1
    assert storage.commit([Delete(write.key) for write in writes[:1000]]) == 2


def test_eight_mebibytes_of_values_and_one_byte_more(storage: Any) -> None:
    parts = [Write(f"k{number}", bytes(1024 * 1024)) for number in range(8)]
    assert sum(len(part.data) for part in parts) == MAX_COMMIT_BYTES
    with pytest.raises(InvalidValue, match="bytes of values"):
        storage.commit([*parts, Write("one more", b"x")])
    assert storage.revision == 0
    storage.commit(parts)
    assert len(storage.list()) == 8


def held(storage: Any) -> tuple[int, int]:
    changes = storage.history()
    return len(changes), sum(len(change.value or b"") for change in changes)


def test_the_log_is_bounded_by_count_at_every_moment(storage: Any) -> None:
    limited = another(storage, history_limit=50)
    most = 0
    for number in range(300):
        limited.commit([Write(f"k{number % 9}", b"x"), Write("other", b"")])
        most = max(most, held(limited)[0])
    assert 50 <= most <= 55
    assert limited.revision == 300
    assert len(limited.list()) == 10


def test_the_log_is_bounded_by_bytes_at_every_moment(storage: Any) -> None:
    limited = another(storage, history_bytes=20_000)
    most = 0
    for number in range(100):
        limited.write(f"k{number % 9}", bytes(100 * (number % 10)))
        most = max(most, held(limited)[1])
    assert 18_000 <= most <= 22_000


def test_trimming_drops_whole_revisions_only(storage: Any) -> None:
    limited = another(storage, history_limit=10)
    for number in range(20):
        limited.commit([Write(f"k{part}", b"%d" % number) for part in range(7)])
    changes = limited.history()
    for revision in {change.revision for change in changes}:
        assert len([c for c in changes if c.revision == revision]) == 7
    assert changes[0].revision == limited.oldest


def test_no_entry_is_lost_by_trimming_or_compaction(storage: Any) -> None:
    limited = another(storage, history_limit=1)
    for number in range(50):
        limited.write(f"k{number}", b"%d" % number)
    limited.compact(limited.revision)
    assert [limited.read(f"k{number}") for number in range(50)] == [
        b"%d" % number for number in range(50)
    ]
    assert limited.write("k0", b"", if_revision=1) == 51


def test_a_smaller_limit_is_applied_at_the_next_writes(storage: Any) -> None:
    if isinstance(storage, MemoryStorage):
        storage.history_limit = 10_000
    for number in range(200):
        storage.write("k", b"%d" % number)
    limited = storage if isinstance(storage, MemoryStorage) else another(storage, history_limit=20)
    limited.history_limit = 20
    limited.write("k", b"")
    assert held(limited)[0] <= 22


def test_what_the_log_holds_is_counted_right(database: Any) -> None:
    """The count is kept beside the log, so that a write needs no scan; it must not drift."""
    limited = another(database, history_limit=30, history_bytes=1000)
    for number in range(150):
        limited.commit([Write("a", bytes(number % 50)), Write("b", b"x" * 10)])
        if number % 10 == 0:
            limited.delete("a")
        if number % 37 == 0:
            limited.compact(max(0, limited.revision - 3))
    state = State.objects.using(database.using).get()
    rows = Change.objects.using(database.using)
    assert (state.held_changes, state.held_bytes) == held(limited)
    assert rows.count() == state.held_changes
    assert rows.order_by("revision")[0].revision == state.compacted + 1


def test_one_transaction_longer_than_the_limit(database: Any) -> None:
    limited = another(database, history_limit=10)
    with transaction.atomic(database.using):
        for number in range(40):
            limited.write("k", b"%d" % number)
    assert limited.read("k") == b"39"
    assert held(limited)[0] <= 11
    with limited.changes(since=limited.oldest - 1) as changes:
        assert take(changes, 5)[0].revision == limited.oldest
    with pytest.raises(RevisionCompacted):
        limited.history(since=0)


def test_a_page_ends_early(storage: Any) -> None:
    for number in range(10):
        storage.write(f"k{number}", bytes(1000))
    page = storage.page(max_bytes=2500)
    assert [entry.key for entry in page.entries] == ["k0", "k1", "k2"]
    assert [entry.key for entry in storage.page(max_bytes=1).entries] == ["k0"]
    assert len(storage.page(limit=4).entries) == 4
    assert len(storage.page(limit=10**30).entries) == 10
    assert len(storage.page(after="k4", max_bytes=10**9).entries) == 5
    bare = storage.page(values=False, max_bytes=1)
    assert [entry.key for entry in bare.entries] == [f"k{number}" for number in range(10)]


def test_sizes_are_told_without_the_values(storage: Any) -> None:
    for number in range(5):
        storage.write(f"k{number}", b"x" * number)
    storage.write("other", b"")
    assert list(storage.sizes("k", after="k1", limit=2)) == [2, 3]
    assert list(storage.sizes()) == [0, 1, 2, 3, 4, 0]
    with pytest.raises(InvalidKey):
        storage.sizes(after="\n")
    with pytest.raises(InvalidValue):
        storage.sizes(limit=0)
