"""Entries, revisions and conditions: for storages with ``supports_revisions``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from asgiref.sync import async_to_sync

from ..actor import actor
from ..exceptions import InvalidKey, InvalidValue, KeyNotFound, RevisionConflict, StorageError
from .base import Contract, assert_equal, assert_raises, assert_true


class RevisionContract(Contract):
    """Every write and delete takes the next revision, and may depend on one."""

    needs: ClassVar[tuple[str, ...]] = ("supports_revisions",)

    def test_revisions_count_from_1_without_a_gap(self) -> None:
        assert_equal(self.storage.revision, 0)
        assert_equal(self.storage.write("a", b""), 1)
        assert_equal(self.storage.write("b", b""), 2)
        assert_equal(self.storage.write("a", b""), 3)
        assert_equal(self.storage.delete("a"), 4)
        assert_equal(self.storage.write("a", b""), 5)
        assert_equal(self.storage.revision, 5)

    def test_what_was_refused_takes_no_revision(self) -> None:
        self.storage.write("k", b"")
        attempts: list[tuple[Callable[[], object], type[StorageError]]] = [
            (lambda: self.storage.write("", b""), InvalidKey),
            (lambda: self.storage.write("k", "text"), InvalidValue),
            (lambda: self.storage.write("k", b"", if_revision=9), RevisionConflict),
            (lambda: self.storage.write("k", b"", if_revision=0), RevisionConflict),
            (lambda: self.storage.delete("k", if_revision=9), RevisionConflict),
            (lambda: self.storage.delete("missing"), KeyNotFound),
        ]
        for attempt, error in attempts:
            with assert_raises(error):
                attempt()
        assert_equal(self.storage.revision, 1)
        assert_equal(self.storage.write("k", b""), 2)

    def test_an_entry_says_when_it_came_and_when_it_changed(self) -> None:
        self.storage.write("other", b"")
        self.storage.write("k", b"one")
        self.storage.write("k", b"two")
        entry = self.storage.entry("k")
        assert_equal(
            (entry.key, entry.value, entry.revision, entry.created_revision), ("k", b"two", 3, 2)
        )
        assert_equal(entry.updated_at.utcoffset(), timedelta(0))
        assert_true(abs(datetime.now(UTC) - entry.updated_at) < timedelta(minutes=5))

    def test_a_key_that_comes_again_was_created_anew(self) -> None:
        self.storage.write("k", b"")
        self.storage.delete("k")
        self.storage.write("k", b"")
        assert_equal(self.storage.entry("k").created_revision, 3)

    def test_an_entry_says_who_wrote_it(self) -> None:
        self.storage.write("nobody", b"")
        with actor("Ännchen"):
            self.storage.write("somebody", b"")
            with actor("x" * 255):
                self.storage.write("inner", b"")
        assert_equal(self.storage.entry("nobody").actor, "")
        assert_equal(self.storage.entry("somebody").actor, "Ännchen")
        assert_equal(self.storage.entry("inner").actor, "x" * 255)

    def test_a_missing_entry_is_not_found(self) -> None:
        with assert_raises(KeyNotFound):
            self.storage.entry("missing")

    def test_create_only_when_missing(self) -> None:
        assert_equal(self.storage.write("k", b"one", if_revision=0), 1)
        with assert_raises(RevisionConflict) as caught:
            self.storage.write("k", b"two", if_revision=0)
        assert_equal(caught.exception.current, 1)
        assert_equal(self.storage.read("k"), b"one")
        self.storage.delete("k")
        assert_equal(self.storage.write("k", b"three", if_revision=0), 3)

    def test_update_only_at_its_revision(self) -> None:
        first = self.storage.write("k", b"one")
        self.storage.write("other", b"")
        second = self.storage.write("k", b"two", if_revision=first)
        for wrong in (first, second - 1, second + 1, 2**63 - 1):
            with assert_raises(RevisionConflict, msg=str(wrong)) as caught:
                self.storage.write("k", b"lost", if_revision=wrong)
            assert_equal(caught.exception.current, second)
        assert_equal(self.storage.read("k"), b"two")

    def test_update_of_a_missing_key_conflicts(self) -> None:
        with assert_raises(RevisionConflict) as caught:
            self.storage.write("k", b"", if_revision=1)
        assert_equal(caught.exception.current, 0)
        assert_equal(self.storage.list(), [])

    def test_delete_only_at_its_revision(self) -> None:
        revision = self.storage.write("k", b"")
        for wrong in (0, revision + 1):
            with assert_raises(RevisionConflict, msg=str(wrong)) as caught:
                self.storage.delete("k", if_revision=wrong)
            assert_equal(caught.exception.current, revision)
        assert_equal(self.storage.delete("k", if_revision=revision), revision + 1)
        with assert_raises(RevisionConflict):
            self.storage.delete("k", if_revision=revision)

    def test_a_recreated_key_does_not_stand_at_its_old_revision(self) -> None:
        old = self.storage.write("k", b"same")
        self.storage.delete("k")
        self.storage.write("k", b"same")
        with assert_raises(RevisionConflict):
            self.storage.write("k", b"lost", if_revision=old)

    def test_what_is_no_revision_is_refused(self) -> None:
        self.storage.write("k", b"")
        for wrong in (-1, 2**63, "1", 1.0, True, b"1"):
            with assert_raises(InvalidValue, msg=repr(wrong)):
                self.storage.write("k", b"", if_revision=wrong)
            with assert_raises(InvalidValue, msg=repr(wrong)):
                self.storage.delete("k", if_revision=wrong)
        assert_equal(self.storage.revision, 1)

    def test_entries_are_listed_in_pages(self) -> None:
        for key in ("b", "a", "foo", "foobar", "foo/", "c"):
            self.storage.write(key, key.encode())
        keys = ["a", "b", "c", "foo", "foo/", "foobar"]
        assert_equal([entry.key for entry in self.storage.entries()], keys)
        assert_equal([entry.value for entry in self.storage.entries("foo")],
                     [b"foo", b"foo/", b"foobar"])  # fmt: skip
        found, after = [], ""
        while page := self.storage.entries(after=after, limit=2):
            assert_true(len(page) <= 2)
            found += [entry.key for entry in page]
            after = page[-1].key
        assert_equal(found, keys)
        assert_equal(len(self.storage.entries(limit=10**30)), len(keys))

    def test_entries_after_a_key_that_is_not_there(self) -> None:
        for key in ("a", "foo", "foobar", "z"):
            self.storage.write(key, b"")
        for prefix, after, expected in (
            ("foo", "a", ["foo", "foobar"]),
            ("foo", "fooa", ["foobar"]),
            ("foo", "foobar", []),
            ("foo", "z", []),
            ("", "b", ["foo", "foobar", "z"]),
            ("", "\U0010ffff", []),
            ("x", "", []),
        ):
            found = [entry.key for entry in self.storage.entries(prefix, after=after)]
            assert_equal(found, expected, (prefix, after))
        for wrong in (0, -1, "1", True):
            with assert_raises(InvalidValue, msg=repr(wrong)):
                self.storage.entries(limit=wrong)

    def test_the_async_twins_of_entries(self) -> None:
        async def use() -> None:
            revision = await self.storage.awrite("k", b"one", if_revision=0)
            assert_equal(await self.storage.arevision(), revision)
            assert_equal((await self.storage.aentry("k")).value, b"one")
            assert_equal([entry.key for entry in await self.storage.aentries()], ["k"])
            with assert_raises(RevisionConflict):
                await self.storage.awrite("k", b"two", if_revision=0)
            await self.storage.adelete("k", if_revision=revision)

        async_to_sync(use)()
