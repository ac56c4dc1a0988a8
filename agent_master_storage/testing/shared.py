"""Two adapters on one store, as two processes have them."""

from __future__ import annotations

from typing import Any, ClassVar

from ..exceptions import KeyNotFound, RevisionConflict
from ..types import Delete, Write
from .base import Contract, Recorder, assert_equal, assert_raises, take


class SharedStoreContract(Contract):
    """For storages where make_storage(), called again, opens the same store."""

    needs: ClassVar[tuple[str, ...]] = ("supports_resume", "supports_revisions", "supports_commit")

    other: Any

    def _begin(self, test: str) -> None:
        super()._begin(test)
        self.other = self.open()

    def test_both_see_the_same(self) -> None:
        self.storage.write("k", b"one")
        assert_equal(self.other.read("k"), b"one")
        assert_equal(self.other.write("k", b"two"), 2)
        assert_equal(self.storage.read("k"), b"two")
        assert_equal(self.storage.epoch, self.other.epoch)
        self.other.delete("k")
        with assert_raises(KeyNotFound):
            self.storage.read("k")

    def test_a_condition_holds_against_the_other(self) -> None:
        revision = self.storage.write("k", b"")
        self.other.write("k", b"")
        with assert_raises(RevisionConflict):
            self.storage.write("k", b"lost", if_revision=revision)

    def test_a_handler_hears_of_the_other(self) -> None:
        seen = Recorder()
        self.storage.watch("k", seen)
        self.other.write("k", b"one")
        self.storage.write("k", b"two")
        self.other.delete("k")
        assert_equal(seen.wait(3), [b"one", b"two", None])

    def test_changes_of_both_come_in_order(self) -> None:
        with self.storage.changes() as changes:
            for number in range(20):
                self.storage.write(f"a{number}", b"")
                self.other.commit([Write(f"b{number}", b""), Delete(f"a{number}")])
            found = [change.revision for change in take(changes, 60)]
        assert_equal(found, sorted([*range(1, 41, 2), *range(2, 41, 2), *range(2, 41, 2)]))

    def test_the_log_is_one(self) -> None:
        self.storage.write("a", b"")
        self.other.write("b", b"")
        assert_equal(self.storage.history(), self.other.history())
        self.other.compact(1)
        assert_equal([change.key for change in self.storage.history()], ["b"])

    def test_it_outlives_the_adapter(self) -> None:
        self.storage.write("k", b"value")
        self.storage.close()
        fresh = self.open()
        assert_equal(fresh.read("k"), b"value")
        assert_equal(fresh.revision, 1)
        assert_equal(len(fresh.history()), 1)
