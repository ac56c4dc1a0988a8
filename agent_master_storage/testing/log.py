"""History, compaction, snapshots, epochs: for storages with ``supports_resume``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from asgiref.sync import async_to_sync

from ..actor import actor
from ..exceptions import (
    InvalidKey,
    InvalidValue,
    KeyNotFound,
    RevisionAhead,
    RevisionCompacted,
)
from ..types import Delete, Write
from .base import Contract, assert_equal, assert_raises, assert_true


class LogContract(Contract):
    """The log holds every change, in order, from the oldest that it still has."""

    needs: ClassVar[tuple[str, ...]] = ("supports_resume", "supports_revisions", "supports_commit")

    def _fill(self, count: int, storage: Any = None) -> None:
        for number in range(1, count + 1):
            (storage or self.storage).write(f"k{number % 7}", b"%d" % number)

    # history()

    def test_an_empty_log(self) -> None:
        assert_equal(self.storage.history(), [])
        assert_equal(self.storage.history(since=0), [])
        assert_equal(self.storage.oldest, 1)

    def test_history_tells_all_that_happened(self) -> None:
        with actor("me"):
            self.storage.write("k", b"one")
        self.storage.write("k", b"two")
        self.storage.commit([Delete("k"), Write("other", b"")])
        self.storage.write("k", b"three")
        told = [
            (c.type, c.key, c.value, c.revision, c.previous_revision, c.actor, c.last)
            for c in self.storage.history()
        ]
        assert_equal(
            told,
            [
                ("write", "k", b"one", 1, 0, "me", True),
                ("write", "k", b"two", 2, 1, "", True),
                ("delete", "k", None, 3, 2, "", False),
                ("write", "other", b"", 3, 0, "", True),
                ("write", "k", b"three", 4, 0, "", True),
            ],
        )
        assert_equal(self.storage.history()[0].at.utcoffset(), timedelta(0))

    def test_history_since_a_revision(self) -> None:
        self._fill(20)
        for since in (0, 1, 10, 19, 20):
            found = [change.revision for change in self.storage.history(since=since)]
            assert_equal(found, list(range(since + 1, 21)))

    def test_history_of_a_key_or_prefix(self) -> None:
        for key in ("foo", "foobar", "foo/", "f*", "other", "foo"):
            self.storage.write(key, b"")
        for selection, revisions in (
            ({"key": "foo"}, [1, 6]),
            ({"prefix": "foo"}, [1, 2, 3, 6]),
            ({"prefix": "foo/"}, [3]),
            ({"prefix": "f*"}, [4]),
            ({"prefix": "", "since": 4}, [5, 6]),
            ({"key": "foo", "since": 1}, [6]),
            ({"key": "missing"}, []),
        ):
            found = [change.revision for change in self.storage.history(**selection)]
            assert_equal(found, revisions, selection)

    def test_a_limit_never_splits_a_revision(self) -> None:
        self.storage.write("a", b"")
        self.storage.commit([Write(f"b{number}", b"") for number in range(5)])
        self.storage.write("c", b"")
        for limit, counts in ((1, 1), (2, 6), (5, 6), (6, 6), (7, 7), (100, 7), (10**30, 7)):
            found = self.storage.history(limit=limit)
            assert_equal(len(found), counts, limit)
            assert_true(found[-1].last)
        assert_equal(len(self.storage.history(since=1, limit=1)), 5)
        assert_equal([c.key for c in self.storage.history(prefix="b3", limit=1)], ["b3"])

    def test_last_speaks_of_what_the_reader_gets(self) -> None:
        self.storage.commit([Write("a", b""), Write("b", b""), Write("c", b"")])
        assert_equal([c.last for c in self.storage.history()], [False, False, True])
        assert_equal([c.last for c in self.storage.history(key="a")], [True])

    def test_a_bad_question_is_refused(self) -> None:
        with assert_raises(InvalidValue):
            self.storage.history(prefix="a", key="a")
        with assert_raises(InvalidKey):
            self.storage.history(key="")
        for wrong in (-1, 2**63, "1", True):
            with assert_raises(InvalidValue, msg=repr(wrong)):
                self.storage.history(since=wrong)
        for wrong in (0, -1, "1", True):
            with assert_raises(InvalidValue, msg=repr(wrong)):
                self.storage.history(limit=wrong)

    def test_a_revision_that_has_not_been_is_ahead(self) -> None:
        self._fill(3)
        with assert_raises(RevisionAhead) as caught:
            self.storage.history(since=4)
        assert_equal((caught.exception.current, caught.exception.oldest), (3, 1))

    # compact()

    def test_compaction_drops_changes_and_no_entry(self) -> None:
        self._fill(10)
        before = self.storage.entries()
        self.storage.compact(6)
        assert_equal(self.storage.entries(), before)
        assert_equal(self.storage.oldest, 7)
        assert_equal([c.revision for c in self.storage.history()], [7, 8, 9, 10])
        assert_equal([c.revision for c in self.storage.history(since=6)], [7, 8, 9, 10])
        for since in (0, 5):
            with assert_raises(RevisionCompacted) as caught:
                self.storage.history(since=since)
            assert_equal(caught.exception.oldest, 7)
        assert_equal(self.storage.write("k", b""), 11)

    def test_compaction_of_everything(self) -> None:
        self._fill(10)
        self.storage.compact(10)
        assert_equal(self.storage.history(), [])
        assert_equal(self.storage.history(since=10), [])
        assert_equal(self.storage.revision, 10)
        with assert_raises(RevisionCompacted):
            self.storage.history(since=9)
        assert_equal(self.storage.write("k1", b""), 11)
        assert_equal([c.previous_revision for c in self.storage.history()], [8])

    def test_compaction_is_never_undone(self) -> None:
        self._fill(10)
        self.storage.compact(6)
        self.storage.compact(3)
        self.storage.compact(0)
        self.storage.compact(6)
        assert_equal(self.storage.oldest, 7)

    def test_compaction_ahead_is_refused(self) -> None:
        self._fill(3)
        with assert_raises(RevisionAhead):
            self.storage.compact(4)
        with assert_raises(InvalidValue):
            self.storage.compact(-1)
        assert_equal(len(self.storage.history()), 3)

    def test_the_log_keeps_itself_bounded_by_count(self) -> None:
        storage = self.open(history_limit=20)
        self._fill(200, storage)
        held = storage.history()
        assert_true(20 <= len(held) <= 22, f"{len(held)} held")
        assert_equal([c.revision for c in held], list(range(storage.oldest, 201)))
        assert_equal(len(storage.list()), 7)

    def test_the_log_keeps_itself_bounded_by_bytes(self) -> None:
        storage = self.open(history_bytes=10_000)
        for number in range(100):
            storage.write(f"k{number}", bytes(1000))
        held = sum(len(change.value) for change in storage.history())
        assert_true(9_000 <= held <= 11_000, f"{held} bytes held")
        assert_equal(len(storage.list()), 100)

    def test_the_newest_revision_is_held_however_large(self) -> None:
        storage = self.open(history_limit=5, history_bytes=100)
        storage.write("k", b"")
        storage.commit([Write(f"large{number}", bytes(50)) for number in range(10)])
        assert_equal({c.revision for c in storage.history()}, {2})
        assert_equal(len(storage.history()), 10)

    # entry(revision=)

    def test_an_entry_as_it_stood(self) -> None:
        self.storage.write("k", b"one")
        self.storage.write("other", b"")
        self.storage.write("k", b"two")
        self.storage.delete("k")
        self.storage.write("k", b"three")
        for revision, value in ((1, b"one"), (2, b"one"), (3, b"two"), (5, b"three")):
            assert_equal(self.storage.entry("k", revision=revision).value, value)
        for revision in (0, 4):
            with assert_raises(KeyNotFound, msg=str(revision)):
                self.storage.entry("k", revision=revision)
        old = self.storage.entry("k", revision=3)
        assert_equal((old.revision, old.created_revision), (3, 1))
        assert_equal(self.storage.entry("k", revision=5), self.storage.entry("k"))
        with assert_raises(RevisionAhead):
            self.storage.entry("k", revision=6)

    def test_an_entry_before_the_log_is_compacted_or_known(self) -> None:
        self.storage.write("stays", b"one")
        self.storage.write("changes", b"one")
        self.storage.write("goes", b"one")
        self.storage.write("changes", b"two")
        self.storage.delete("goes")
        self.storage.write("comes", b"")
        self.storage.compact(4)
        # It has not changed since: that much is known without the log.
        assert_equal(self.storage.entry("stays", revision=2).value, b"one")
        for key in ("changes", "goes", "comes", "missing"):
            with assert_raises(RevisionCompacted, msg=key) as caught:
                self.storage.entry(key, revision=3)
            assert_equal(caught.exception.oldest, 5)
        assert_equal(self.storage.entry("changes", revision=4).value, b"two")
        # The delete at 5 tells that there was one at 4, and no more tells which.
        with assert_raises(RevisionCompacted):
            self.storage.entry("goes", revision=4)
        for key, revision in (("goes", 5), ("goes", 6), ("comes", 5), ("missing", 4)):
            with assert_raises(KeyNotFound, msg=key):
                self.storage.entry(key, revision=revision)

    # snapshot() and epoch

    def test_a_snapshot_is_one_moment(self) -> None:
        empty = self.storage.snapshot()
        assert_equal((empty.revision, empty.entries), (0, []))
        for key in ("b", "foo", "foobar", "a"):
            self.storage.write(key, key.encode())
        self.storage.delete("b")
        snapshot = self.storage.snapshot("foo")
        assert_equal((snapshot.revision, snapshot.epoch), (5, self.storage.epoch))
        assert_equal([entry.key for entry in snapshot.entries], ["foo", "foobar"])
        assert_equal(self.storage.snapshot().entries, self.storage.entries())

    def test_the_epoch_stays_until_a_new_one_begins(self) -> None:
        epoch = self.storage.epoch
        assert_true(epoch and isinstance(epoch, str))
        self._fill(3)
        assert_equal(self.storage.epoch, epoch)
        renewed = self.storage.new_epoch()
        assert_true(renewed != epoch)
        assert_equal(self.storage.epoch, renewed)
        assert_equal(self.storage.revision, 3)
        assert_equal(len(self.storage.history()), 3)

    def test_the_async_twins_of_the_log(self) -> None:
        async def use() -> None:
            await self.storage.awrite("k", b"one")
            await self.storage.awrite("k", b"two")
            assert_equal((await self.storage.asnapshot()).revision, 2)
            assert_equal((await self.storage.aentry("k", revision=1)).value, b"one")
            assert_equal(len(await self.storage.ahistory()), 2)
            assert_equal(await self.storage.aepoch(), (await self.storage.asnapshot()).epoch)
            await self.storage.acompact(1)
            assert_equal(len(await self.storage.ahistory()), 1)

        async_to_sync(use)()
