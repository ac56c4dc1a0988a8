"""Random sequences of calls give what a dict and a list would, on every adapter."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agent_master_storage import Change, Check, Delete, Write
from agent_master_storage.backends.base import BaseStorage
from agent_master_storage.backends.database.storage import DatabaseStorage
from agent_master_storage.backends.memory import MemoryStorage
from agent_master_storage.exceptions import KeyNotFound, RevisionCompacted, RevisionConflict
from agent_master_storage.keys import prefix_range

from ..backends.redis.stores import empty, make_storage

KEYS = st.sampled_from(["a", "a/", "a/b", "ab", "a%", "A", "é", "\ud7ff", "\U0010ffff", "🔑"])
PREFIXES = st.one_of(KEYS, st.just(""), st.sampled_from(["a/b/", "%", "\ue000"]))
VALUES = st.binary(max_size=5)
SHORT = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


class StorageModel(RuleBasedStateMachine):
    """A storage beside the dict of its entries and the list of its changes."""

    def make_storage(self) -> Any:
        return MemoryStorage(alias="test")

    @initialize()
    def begin(self) -> None:
        self.storage = self.make_storage()
        self.entries: dict[str, tuple[int, bytes]] = {}
        self.log: list[tuple[int, str, bytes | None]] = []
        self.compacted = 0

    def teardown(self) -> None:
        if hasattr(self, "storage"):
            self.storage.close()

    @property
    def revision(self) -> int:
        return self.log[-1][0] if self.log else 0

    def _stands(self, key: str) -> int:
        return self.entries.get(key, (0, b""))[0]

    def _happened(self, *changes: tuple[str, bytes | None]) -> None:
        revision = self.revision + 1
        for key, value in changes:
            self.log.append((revision, key, value))
            self.entries.pop(key, None)
            if value is not None:
                self.entries[key] = (revision, value)

    @rule(key=KEYS, value=VALUES, condition=st.sampled_from(["none", "right", "wrong"]))
    def write(self, key: str, value: bytes, condition: str) -> None:
        stands = self._stands(key)
        expected = {"none": None, "right": stands, "wrong": stands + 1}[condition]
        if condition == "wrong":
            with pytest.raises(RevisionConflict) as caught:
                self.storage.write(key, value, if_revision=expected)
            assert caught.value.current == stands
            return
        self._happened((key, value))
        assert self.storage.write(key, value, if_revision=expected) == self.revision

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        if key not in self.entries:
            with pytest.raises(KeyNotFound):
                self.storage.delete(key)
            return
        self._happened((key, None))
        assert self.storage.delete(key) == self.revision

    @rule(
        writes=st.dictionaries(KEYS, st.one_of(st.none(), VALUES), max_size=4), check=KEYS,
        holds=st.booleans(),
    )  # fmt: skip
    def commit(self, writes: dict[str, bytes | None], check: str, holds: bool) -> None:
        operations: list[Any] = [Check(check, self._stands(check) + (not holds))]
        operations += [
            Delete(key) if value is None else Write(key, value) for key, value in writes.items()
        ]
        missing = [key for key, value in writes.items() if value is None and not self._stands(key)]
        if not holds or missing:
            with pytest.raises((RevisionConflict, KeyNotFound)):
                self.storage.commit(operations)
            return
        if writes:
            self._happened(*writes.items())
        assert self.storage.commit(operations) == self.revision

    @rule(data=st.data())
    def compact(self, data: st.DataObject) -> None:
        revision = data.draw(st.integers(0, self.revision))
        self.storage.compact(revision)
        self.compacted = max(self.compacted, revision)

    @rule(prefix=PREFIXES)
    def list(self, prefix: str) -> None:
        expected = sorted(key for key in self.entries if key.startswith(prefix))
        assert self.storage.list(prefix) == expected
        assert [entry.key for entry in self.storage.snapshot(prefix).entries] == expected

    @rule(prefix=PREFIXES, after=PREFIXES, limit=st.integers(1, 5))
    def page(self, prefix: str, after: str, limit: int) -> None:
        keys = sorted(key for key in self.entries if key.startswith(prefix) and key > after)
        found = self.storage.entries(prefix, after=after, limit=limit)
        assert [entry.key for entry in found] == keys[:limit]

    @rule(prefix=PREFIXES, data=st.data())
    def history(self, prefix: str, data: st.DataObject) -> None:
        since = data.draw(st.integers(self.compacted, self.revision))
        found = self.storage.history(prefix=prefix, since=since)
        assert [_told(change) for change in found] == [
            change for change in self.log if change[0] > since and change[1].startswith(prefix)
        ]

    @rule(key=KEYS, data=st.data())
    def entry_then(self, key: str, data: st.DataObject) -> None:
        revision = data.draw(st.integers(0, self.revision))
        happened = [change for change in self.log if change[1] == key and change[0] <= revision]
        stood = happened[-1] if happened else (0, key, None)
        try:
            entry = self.storage.entry(key, revision=revision)
        except RevisionCompacted:
            # Ignorance is allowed only where the log was cut.
            assert stood[0] <= self.compacted and self.compacted > 0
        except KeyNotFound:
            assert stood[2] is None
        else:
            assert (entry.revision, entry.value) == (stood[0], stood[2])

    @invariant()
    def stands(self) -> None:
        if not hasattr(self, "storage"):
            return
        found = {entry.key: (entry.revision, entry.value) for entry in self.storage.entries()}
        assert found == self.entries
        assert (self.storage.revision, self.storage.oldest) == (self.revision, self.compacted + 1)


def _told(change: Change) -> tuple[int, str, bytes | None]:
    return change.revision, change.key, change.value


class DatabaseModel(StorageModel):
    using = "default"

    def make_storage(self) -> BaseStorage:
        call_command("flush", database=self.using, interactive=False, verbosity=0)
        return DatabaseStorage(alias="test", using=self.using)


class PostgreSQLModel(DatabaseModel):
    using = "postgres"


class RedisModel(StorageModel):
    def make_storage(self) -> BaseStorage:
        empty("model")
        return make_storage("model")


class TestMemoryModel(StorageModel.TestCase):  # type: ignore[misc]
    settings = SHORT


class TestRedisModel(RedisModel.TestCase):  # type: ignore[misc]
    settings = SHORT


@pytest.mark.django_db(transaction=True)
class TestSQLiteModel(DatabaseModel.TestCase):  # type: ignore[misc]
    settings = SHORT


@pytest.mark.django_db(transaction=True, databases=["postgres"])
class TestPostgreSQLModel(PostgreSQLModel.TestCase):  # type: ignore[misc]
    settings = SHORT


@pytest.mark.parametrize("key", ["a", "\ud7ff", "\U0010ffff", "a\U0010ffff", "\U0010fffe"])
def test_the_range_of_a_prefix_holds_what_begins_with_it(key: str) -> None:
    low, high = prefix_range(key)
    for other in (key, key + "\U0010ffff", key + "a", key[:-1], key[:-1] + "\U0010ffff", "zz"):
        inside = other >= low and (high is None or other < high)
        assert inside == other.startswith(key), other
