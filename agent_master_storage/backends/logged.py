"""What every adapter with a change log shares: all of the interface, on nine hooks.

An adapter supplies ``_apply``, ``_get``, ``_keys``, ``_scan``, ``_sizes``, ``_around``,
``_state``, ``_compact`` and ``_renew``, and the log for the watch (``read_log``, ``waiter``,
``release``: see ``watch/log.py``; what stands on that is in ``followed.py``). Arguments were
checked before a hook sees them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import ClassVar

from ..actor import current_actor
from ..exceptions import KeyNotFound
from ..keys import check_key, check_limit, check_prefix, check_revision, check_value
from ..types import (
    Change,
    Changes,
    Delete,
    Entries,
    Entry,
    Keys,
    Operation,
    Snapshot,
    Write,
)
from ..watch.log import PAGE_BYTES, PAGE_CHANGES
from .commit import MAX_COMMIT_BYTES, MAX_COMMIT_OPERATIONS, check_operations
from .followed import FollowedStorage
from .past import entry_at


class LoggedStorage(FollowedStorage):
    """A storage whose writes append to a log of changes, from which every watch is fed."""

    supports_revisions: ClassVar[bool] = True
    supports_commit: ClassVar[bool] = True
    supports_resume: ClassVar[bool] = True

    # Hooks

    @abstractmethod
    def _apply(self, operations: Sequence[Operation], actor: str) -> Changes:
        """Do all or nothing and return the changes, of one new revision.

        When they can be seen by others, wake the tail. Errors of an operation carry its index.
        """

    def _put(self, key: str, data: bytes, actor: str) -> int:
        """Write without a condition, and return the revision; for who can do it quicker so."""
        return self._apply((Write(key, data),), actor)[0].revision

    @abstractmethod
    def _get(self, key: str) -> Entry | None: ...

    @abstractmethod
    def _keys(self, prefix: str) -> Keys: ...

    @abstractmethod
    def _scan(self, prefix: str, after: str, limit: int | None, values: bool) -> Snapshot:
        """The entries by key, and where the log stood at that moment.

        Without ``values``, those are empty: they need not be loaded.
        """

    @abstractmethod
    def _sizes(self, prefix: str, after: str, limit: int) -> Sequence[int]:
        """The lengths of the values that _scan() would return, in bytes."""

    @abstractmethod
    def _around(self, key: str, revision: int) -> tuple[Change | None, Change | None]:
        """The key's last change up to ``revision`` and its first after it, as the log has them."""

    @abstractmethod
    def _compact(self, revision: int) -> None: ...

    # Reading

    def read(self, key: str) -> bytes:
        """See BaseStorage.read()."""
        return self.entry(key).value

    def entry(self, key: str, revision: int | None = None) -> Entry:
        """See BaseStorage.entry()."""
        check_key(key)
        if revision is not None:
            return entry_at(self, key, check_revision(revision))
        entry = self._get(key)
        if entry is None:
            raise KeyNotFound(key)
        return entry

    def list(self, prefix: str = "") -> Keys:
        """See BaseStorage.list()."""
        return self._keys(check_prefix(prefix))

    def entries(self, prefix: str = "", after: str = "", limit: int | None = None) -> Entries:
        """See BaseStorage.entries()."""
        check_prefix(prefix)
        check_prefix(after, "after")
        return self._scan(prefix, after, check_limit(limit), True).entries

    def page(
        self,
        prefix: str = "",
        after: str = "",
        limit: int = PAGE_CHANGES,
        *,
        max_bytes: int = PAGE_BYTES,
        values: bool = True,
    ) -> Snapshot:
        """Return entries() as a Snapshot that ends early, near ``max_bytes`` of values.

        Without ``values`` these are left empty, which saves loading them.
        """
        check_prefix(prefix)
        check_prefix(after, "after")
        limit = check_limit(limit) or PAGE_CHANGES
        if values:
            total = accumulate(self._sizes(prefix, after, limit))
            limit = min(limit, 1 + sum(1 for size in total if size < max_bytes))
        return self._scan(prefix, after, limit, values)

    def sizes(self, prefix: str = "", after: str = "", limit: int = PAGE_CHANGES) -> Sequence[int]:
        """Return the lengths of the values that page() goes through, in bytes."""
        check_prefix(prefix)
        check_prefix(after, "after")
        return self._sizes(prefix, after, check_limit(limit) or PAGE_CHANGES)

    def snapshot(self, prefix: str = "") -> Snapshot:
        """See BaseStorage.snapshot()."""
        return self._scan(check_prefix(prefix), "", None, True)

    @property
    def revision(self) -> int:
        """See BaseStorage.revision."""
        return self._state().revision

    @property
    def epoch(self) -> str:
        """See BaseStorage.epoch."""
        return self._state().epoch

    @property
    def oldest(self) -> int:
        """See BaseStorage.oldest."""
        return self._state().compacted + 1

    # Writing

    def write(self, key: str, data: bytes, *, if_revision: int | None = None) -> int:
        """See BaseStorage.write()."""
        # Without the checks of a whole commit: this is the hot path.
        check_key(key)
        data = check_value(data, self.max_value_size)
        if if_revision is None:
            return self._put(key, data, current_actor())
        check_revision(if_revision, "if_revision")
        return self._apply((Write(key, data, if_revision),), current_actor())[0].revision

    def delete(self, key: str, *, if_revision: int | None = None) -> int:
        """See BaseStorage.delete()."""
        return self.transact((Delete(key, if_revision),))[0].revision

    def commit(self, operations: Iterable[Operation]) -> int:
        """See BaseStorage.commit()."""
        changes = self.transact(operations)
        return changes[-1].revision if changes else self.revision

    def transact(self, operations: Iterable[Operation]) -> Changes:
        """See BaseStorage.transact()."""
        return self._apply(check_operations(operations, self.max_value_size), current_actor())

    def compact(self, revision: int) -> None:
        """See BaseStorage.compact()."""
        check_revision(revision)
        state = self._state()
        if revision > state.revision:
            state.check(revision)
        self._compact(revision)

    def new_epoch(self) -> str:
        """See BaseStorage.new_epoch()."""
        epoch = self._renew(None).epoch
        self.tail.wake()
        return epoch


__all__ = ["MAX_COMMIT_BYTES", "MAX_COMMIT_OPERATIONS", "LoggedStorage"]
