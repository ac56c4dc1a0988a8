"""changes() and achanges(): for storages with ``supports_resume``."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import ClassVar

from asgiref.sync import async_to_sync

from ..exceptions import InvalidKey, InvalidValue, RevisionAhead, RevisionCompacted
from ..types import Change, Changes, Delete, Write
from .base import TIMEOUT, Contract, Recorder, assert_equal, assert_raises, take


def revisions(changes: Changes) -> list[int]:
    return [change.revision for change in changes]


class FollowingContract(Contract):
    """Changes come in order, each once, none left out, from any revision that is held."""

    needs: ClassVar[tuple[str, ...]] = ("supports_resume", "supports_revisions", "supports_commit")

    def _write(self, count: int) -> None:
        for number in range(count):
            self.storage.write(f"k{number}", b"%d" % number)

    def test_now_is_the_call_and_not_the_first_next(self) -> None:
        self._write(3)
        with self.storage.changes() as changes:
            self._write(3)
            assert_equal(revisions(take(changes, 3)), [4, 5, 6])

    def test_since_a_revision(self) -> None:
        self._write(5)
        for since in (0, 1, 4):
            with self.storage.changes(since=since) as changes:
                expected = list(range(since + 1, 6))
                assert_equal(revisions(take(changes, len(expected))), expected)
        with self.storage.changes(since=5) as changes:
            self._write(1)
            assert_equal(revisions(take(changes, 1)), [6])

    def test_resumed_where_it_ended(self) -> None:
        self._write(10)
        position = 0
        while position < 10:
            with self.storage.changes(since=position) as changes:
                position += 1
                assert_equal(revisions(take(changes, 1)), [position])

    def test_a_change_tells_all(self) -> None:
        with self.storage.changes() as changes:
            self.storage.write("k", b"one")
            self.storage.commit([Write("other", b""), Delete("k")])
            told = take(changes, 3)
        assert_equal(told, self.storage.history())
        assert_equal([change.last for change in told], [True, False, True])

    def test_a_key_or_a_prefix(self) -> None:
        keys = ("foo", "foobar", "f*", "foo/", "fo", "end", "foo")
        for selection, expected in (
            ({"key": "foo"}, [1, 7]),
            ({"prefix": "foo"}, [1, 2, 4, 7]),
            ({"prefix": "f*"}, [3]),
            ({"prefix": "foo/"}, [4]),
        ):
            storage, base = self.storage, self.storage.revision
            with storage.changes(**selection) as changes:
                for key in keys:
                    storage.write(key, b"")
                found = revisions(take(changes, len(expected)))
                assert_equal(found, [base + number for number in expected], selection)

    def test_bad_questions_are_refused_by_the_call_or_the_first_next(self) -> None:
        self._write(3)
        self.storage.compact(2)
        for question, error in (
            ({"prefix": "a", "key": "a"}, InvalidValue),
            ({"key": ""}, InvalidKey),
            ({"prefix": "\x00"}, InvalidKey),
            ({"since": -1}, InvalidValue),
            ({"since": 4}, RevisionAhead),
            ({"since": 1}, RevisionCompacted),
            ({"since": 3, "epoch": "another"}, RevisionCompacted),
            ({"epoch": "another"}, RevisionCompacted),
        ):
            with assert_raises(error, msg=repr(question)):
                take(self.storage.changes(**question), 1)

    def test_the_epoch_that_stands_is_accepted(self) -> None:
        self._write(1)
        with self.storage.changes(since=0, epoch=self.storage.epoch) as changes:
            assert_equal(revisions(take(changes, 1)), [1])

    def test_a_new_epoch_ends_what_runs(self) -> None:
        self._write(1)
        with self.storage.changes() as changes:
            self._write(1)
            take(changes, 1)
            self.storage.new_epoch()
            self._write(1)
            with assert_raises(RevisionCompacted):
                take(changes, 2)

    def test_handlers_go_on_in_a_new_epoch(self) -> None:
        seen = Recorder()
        self.storage.watch("k", seen)
        self.storage.write("k", b"one")
        seen.wait(1)
        self.storage.new_epoch()
        self.storage.write("k", b"two")
        assert_equal(seen.wait_until(b"two")[0], b"one")
        self.storage.write("k", b"three")
        seen.wait_until(b"three")

    def test_compaction_past_a_slow_reader_is_no_silent_jump(self) -> None:
        with self.storage.changes(since=0) as changes:
            self._write(5)
            self.storage.compact(5)
            self.storage.write("after", b"")
            # It may still have them in memory; what it has not, it says.
            try:
                found = revisions(take(changes, 6))
            except RevisionCompacted as error:
                assert_equal(error.oldest, 6)
            else:
                assert_equal(found, [1, 2, 3, 4, 5, 6])

    def test_snapshot_and_then_changes_miss_nothing(self) -> None:
        stop = threading.Event()

        def write() -> None:
            number = 0
            while not stop.is_set() or number < 50:
                self.storage.write(f"k{number % 10}", b"%d" % number)
                number += 1
                # On a busy machine it would be past the log's limit before we have our turn.
                time.sleep(0.001)

        writer = self.in_thread(write)
        try:
            for _ in range(5):
                snapshot = self.storage.snapshot()
                with self.storage.changes(since=snapshot.revision) as changes:
                    found = revisions(take(changes, 5))
                assert_equal(found, [snapshot.revision + number for number in range(1, 6)])
        finally:
            stop.set()
            writer.finish()

    def test_close_ends_the_waiting(self) -> None:
        changes = self.storage.changes()
        found: list[Change] = []
        waiting = self.in_thread(lambda: found.extend(changes))
        changes.close()
        waiting.finish()
        assert_equal(found, [])
        with assert_raises(StopIteration):
            next(changes)

    def test_a_slow_reader_gets_all(self) -> None:
        # Far more than is kept in memory for those who keep up.
        with self.storage.changes() as changes, self.storage.changes() as quick:
            for number in range(60):
                self.storage.commit([Write(f"{number}/{part}", b"x") for part in range(50)])
                if number % 10 == 0:
                    take(quick, 50)
            found = take(changes, 60 * 50)
        assert_equal(revisions(found), [1 + number // 50 for number in range(60 * 50)])
        assert_equal(len({change.key for change in found}), 60 * 50)

    def test_a_handler_may_write(self) -> None:
        seen = Recorder()

        def countdown(value: bytes | None) -> None:
            seen(value)
            if value is not None and int(value) > 0:
                self.storage.write("k", b"%d" % (int(value) - 1))

        self.storage.watch("k", countdown)
        self.storage.write("k", b"5")
        assert_equal(seen.wait(6), [b"5", b"4", b"3", b"2", b"1", b"0"])

    def test_the_async_twin_of_changes(self) -> None:
        async def collect() -> Changes:
            found: list[Change] = []
            async with asyncio.timeout(TIMEOUT), self.storage.achanges(since=0) as changes:
                await self.storage.awrite("k", b"two")
                async for change in changes:
                    found.append(change)
                    if len(found) == 3:
                        break
                    await self.storage.awrite("k", b"three")
            return found

        self.storage.write("k", b"one")
        assert_equal([c.value for c in async_to_sync(collect)()], [b"one", b"two", b"three"])

    def test_the_async_twin_raises_too(self) -> None:
        async def fail() -> None:
            async with asyncio.timeout(TIMEOUT):
                async for change in self.storage.achanges(since=9):
                    raise AssertionError(change)

        with assert_raises(RevisionAhead):
            async_to_sync(fail)()
