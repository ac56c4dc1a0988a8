"""commit(): for storages with ``supports_commit``."""

from __future__ import annotations

from typing import Any, ClassVar

from asgiref.sync import async_to_sync

from ..exceptions import InvalidKey, InvalidValue, KeyNotFound, RevisionConflict, StorageError
from ..types import Check, Delete, Operation, Write
from .base import Contract, assert_equal, assert_raises, assert_true


class CommitContract(Contract):
    """All of a commit happens, as one revision, or nothing of it."""

    needs: ClassVar[tuple[str, ...]] = ("supports_commit", "supports_revisions")

    def test_a_commit_has_one_revision(self) -> None:
        self.storage.write("old", b"")
        revision = self.storage.commit(
            [Write("a", b"one"), Write("b", b"two"), Delete("old"), Write("c", b"")]
        )
        assert_equal(revision, 2)
        assert_equal(self.storage.revision, 2)
        assert_equal(self.storage.list(), ["a", "b", "c"])
        assert_equal([entry.revision for entry in self.storage.entries()], [2, 2, 2])
        # Whatever gives operations will do.
        assert_equal(self.storage.commit(Write(key, b"") for key in ("d", "e")), 3)

    def test_one_bad_operation_undoes_all(self) -> None:
        stands = self.storage.write("k", b"before")
        bad: list[tuple[Any, type[StorageError]]] = [
            (Write("k", b"after", stands + 1), RevisionConflict),
            (Write("k", b"after", 0), RevisionConflict),
            (Write("missing", b"", 1), RevisionConflict),
            (Delete("missing"), KeyNotFound),
            (Delete("missing", 1), RevisionConflict),
            (Delete("k", stands + 1), RevisionConflict),
            (Check("k", stands + 1), RevisionConflict),
            (Check("k", 0), RevisionConflict),
            (Check("missing", 1), RevisionConflict),
            (Write("", b""), InvalidKey),
            (Write("x" * 513, b""), InvalidKey),
            (Delete("\x00"), InvalidKey),
            (Check("\ud800", 0), InvalidKey),
            (Write("k", "text"), InvalidValue),  # type: ignore[arg-type]
            (Write("k", b"x" * (self.storage.max_value_size + 1)), InvalidValue),
            (Write("k", b"", -1), InvalidValue),
            (Check("k", None), InvalidValue),  # type: ignore[arg-type]
            (("write", "k", b""), InvalidValue),
        ]
        for operation, error in bad:
            for index in (0, 1, 2):
                operations: list[Any] = [Write("a", b""), Write("b", b"")]
                operations.insert(index, operation)
                with assert_raises(error, msg=repr(operation)) as caught:
                    self.storage.commit(operations)
                assert_equal(caught.exception.index, index)
                assert_equal(self.storage.list(), ["k"])
                assert_equal(self.storage.read("k"), b"before")
        assert_equal(self.storage.revision, stands)

    def test_a_key_may_not_change_twice(self) -> None:
        self.storage.write("k", b"before")
        pairs: list[list[Operation]] = [
            [Write("k", b"1"), Write("k", b"2")],
            [Write("k", b"1"), Delete("k")],
            [Delete("k"), Write("k", b"1")],
            [Delete("k"), Delete("k")],
        ]
        for operations in pairs:
            with assert_raises(InvalidValue) as caught:
                self.storage.commit(operations)
            assert_equal(caught.exception.index, 1)
        assert_equal(self.storage.read("k"), b"before")
        assert_equal(self.storage.revision, 1)

    def test_a_check_may_stand_beside_a_change_of_its_key(self) -> None:
        stands = self.storage.write("k", b"")
        revision = self.storage.commit([Check("k", stands), Write("k", b"new"), Check("no", 0)])
        assert_equal(revision, stands + 1)
        # A check speaks of the state before the commit, wherever it stands in it.
        after = self.storage.commit([Write("k", b"newer"), Check("k", revision)])
        assert_equal(after, revision + 1)

    def test_checks_alone_take_no_revision(self) -> None:
        stands = self.storage.write("k", b"")
        assert_equal(self.storage.commit([Check("k", stands), Check("missing", 0)]), stands)
        with assert_raises(RevisionConflict) as caught:
            self.storage.commit([Check("missing", 0), Check("k", stands + 1)])
        assert_equal(caught.exception.current, stands)
        assert_equal(caught.exception.index, 1)
        assert_equal(self.storage.revision, stands)

    def test_an_empty_commit_does_nothing(self) -> None:
        assert_equal(self.storage.commit([]), 0)
        self.storage.write("k", b"")
        assert_equal(self.storage.commit([]), 1)
        assert_equal(self.storage.revision, 1)

    def test_conditions_that_hold(self) -> None:
        first = self.storage.write("a", b"")
        second = self.storage.write("b", b"")
        self.storage.commit([Write("a", b"1", first), Delete("b", second), Write("c", b"", 0)])
        assert_equal(self.storage.list(), ["a", "c"])
        assert_equal(self.storage.entry("a").created_revision, first)
        assert_equal(self.storage.entry("c").created_revision, 3)

    def test_the_first_bad_operation_is_reported(self) -> None:
        with assert_raises(RevisionConflict) as caught:
            self.storage.commit([Write("a", b""), Check("b", 7), Delete("c"), Write("d", b"", 3)])
        assert_equal((caught.exception.index, caught.exception.key), (1, "b"))
        assert_equal((caught.exception.expected, caught.exception.current), (7, 0))

    def test_five_hundred_keys_at_once(self) -> None:
        keys = [f"k{number:03}" for number in range(500)]
        self.storage.commit([Write(key, key.encode()) for key in keys])
        assert_equal(self.storage.list(), keys)
        self.storage.commit([Delete(key) for key in keys])
        assert_equal(self.storage.list(), [])
        assert_equal(self.storage.revision, 2)

    def test_transact_returns_what_it_did(self) -> None:
        self.storage.write("old", b"")
        changes = self.storage.transact([Write("k", b"v"), Check("x", 0), Delete("old")])
        assert_equal(
            [(c.type, c.key, c.value, c.revision, c.previous_revision, c.last) for c in changes],
            [("write", "k", b"v", 2, 0, False), ("delete", "old", None, 2, 1, True)],
        )
        assert_equal(self.storage.transact([Check("k", 2)]), [])

    def test_the_async_twin_of_commit(self) -> None:
        async def use() -> None:
            assert_equal(await self.storage.acommit([Write("a", b""), Write("b", b"")]), 1)
            changes = await self.storage.atransact([Delete("a")])
            assert_true(changes[0].type == "delete")
            with assert_raises(KeyNotFound):
                await self.storage.acommit([Delete("a")])

        async_to_sync(use)()
