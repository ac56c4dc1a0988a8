"""One adapter object used by many threads at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import ClassVar

from ..exceptions import KeyNotFound, RevisionConflict
from ..types import Write
from .base import Contract, assert_equal, assert_true, take

THREADS = 6
ROUNDS = 25


class ConcurrencyContract(Contract):
    """Nothing is lost and nothing seen half-done, whatever the threads do to each other."""

    needs: ClassVar[tuple[str, ...]] = ("supports_resume", "supports_revisions", "supports_commit")

    def test_no_increment_is_lost(self) -> None:
        self.storage.write("counter", b"0")

        def increment() -> None:
            done = 0
            while done < ROUNDS:
                entry = self.storage.entry("counter")
                value = b"%d" % (int(entry.value) + 1)
                try:
                    self.storage.write("counter", value, if_revision=entry.revision)
                except RevisionConflict:
                    continue
                done += 1

        self._all(increment)
        assert_equal(self.storage.read("counter"), b"%d" % (THREADS * ROUNDS))
        assert_equal(self.storage.revision, THREADS * ROUNDS + 1)

    def test_one_of_many_creates(self) -> None:
        created: list[int] = []

        def create() -> None:
            for number in range(ROUNDS):
                try:
                    self.storage.write(f"k{number}", b"", if_revision=0)
                except RevisionConflict:
                    continue
                created.append(number)

        self._all(create)
        assert_equal(sorted(created), list(range(ROUNDS)))

    def test_one_of_many_deletes(self) -> None:
        deleted: list[int] = []
        for number in range(ROUNDS):
            self.storage.write(f"k{number}", b"")

        def delete() -> None:
            for number in range(ROUNDS):
                try:
                    self.storage.delete(f"k{number}")
                except KeyNotFound:
                    continue
                deleted.append(number)

        self._all(delete)
        assert_equal(sorted(deleted), list(range(ROUNDS)))

    def test_revisions_are_dense_and_the_log_tells_the_state(self) -> None:
        taken: list[int] = []

        def write() -> None:
            taken.extend(self.storage.write(f"k{n % 5}", b"%d" % n) for n in range(ROUNDS))

        with self.storage.changes() as changes:
            self._all(write)
            told = take(changes, THREADS * ROUNDS)
        assert_equal(sorted(taken), list(range(1, THREADS * ROUNDS + 1)))
        assert_equal([change.revision for change in told], sorted(taken))
        state: dict[str, bytes | None] = {change.key: change.value for change in told}
        assert_equal(state, {entry.key: entry.value for entry in self.storage.entries()})
        stood: defaultdict[str, int] = defaultdict(int)
        for change in told:
            assert_equal(change.previous_revision, stood[change.key])
            stood[change.key] = change.revision

    def test_a_commit_is_never_seen_half_done(self) -> None:
        def write() -> None:
            for number in range(ROUNDS):
                value = b"%d" % number
                self.storage.commit([Write("left", value), Write("right", value)])

        def look() -> None:
            for _ in range(ROUNDS):
                values = {entry.value for entry in self.storage.snapshot().entries}
                assert_true(len(values) <= 1, f"half of a commit: {values}")

        workers = [self.in_thread(write), self.in_thread(look), self.in_thread(look)]
        for worker in workers:
            worker.finish()

    def _all(self, function: Callable[[], None]) -> None:
        workers = [self.in_thread(function) for _ in range(THREADS)]
        for worker in workers:
            worker.finish()
