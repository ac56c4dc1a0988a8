"""What a storage says that it can't do, it refuses."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.core.exceptions import ImproperlyConfigured

from ..exceptions import NotSupported
from ..types import Check
from .base import Contract, assert_equal, assert_raises


class RefusalContract(Contract):
    """NotSupported, never a wrong answer. A storage that can do all passes at once."""

    def test_without_revisions(self) -> None:
        if self.storage.supports_revisions:
            return
        self.storage.write("k", b"before")
        self._refused(
            lambda: self.storage.write("k", b"after", if_revision=1),
            lambda: self.storage.write("k", b"after", if_revision=0),
            lambda: self.storage.write_json("k", {}, if_revision=0),
            lambda: self.storage.delete("k", if_revision=1),
            lambda: self.storage.entry("k"),
            lambda: self.storage.entries(),
            lambda: self.storage.revision,
        )
        assert_equal(self.storage.read("k"), b"before")

    def test_without_commit(self) -> None:
        if not self.storage.supports_commit:
            self._refused(
                lambda: self.storage.commit([]),
                lambda: self.storage.commit([Check("k", 0)]),
                lambda: self.storage.transact([]),
            )

    def test_without_resume(self) -> None:
        if not self.storage.supports_resume:
            self._refused(
                lambda: self.storage.changes(),
                lambda: self.storage.achanges(),
                lambda: self.storage.history(),
                lambda: self.storage.snapshot(),
                lambda: self.storage.compact(0),
                lambda: self.storage.epoch,
                lambda: self.storage.oldest,
                lambda: self.storage.new_epoch(),
                lambda: async_to_sync(self.storage.asnapshot)(),
            )

    def test_an_unknown_option_is_refused(self) -> None:
        with assert_raises(ImproperlyConfigured):
            self.open(no_such_option=1)

    def _refused(self, *calls: Any) -> None:
        for call in calls:
            with assert_raises(NotSupported):
                call()
