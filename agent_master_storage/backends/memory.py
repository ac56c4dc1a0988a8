"""In this process's memory: the reference adapter, and the one for tests.

Everything is lost at exit and nothing is shared between processes. It is the shortest
adapter that does all; read it before ``database.py``.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import uuid4

from ..types import Change, Changes, Check, Entry, Keys, Operation, Snapshot
from ..watch import Batch, LogState, Page, Selector
from ..watch.log import PAGE_BYTES, PAGE_CHANGES
from .commit import Standing, changes_of, check_conditions
from .logged import LoggedStorage


class MemoryStorage(LoggedStorage):
    """Key/value pairs in a dict, a sorted list of the keys, and the log in a list."""

    does_io: ClassVar[bool] = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._lock = threading.RLock()
        self._entries: dict[str, Entry] = {}
        self._sorted: Keys = []
        self._log: deque[Change] = deque()
        self._log_bytes = 0
        self._standing = LogState(0, 0, uuid4().hex)

    # Reading

    def _get(self, key: str) -> Entry | None:
        return self._entries.get(key)

    def _keys(self, prefix: str) -> Keys:
        with self._lock:
            return self._range(prefix)

    def _scan(self, prefix: str, after: str, limit: int | None, values: bool) -> Snapshot:
        with self._lock:
            entries = [self._entries[key] for key in self._some_keys(prefix, after, limit)]
            state = self._standing
        return Snapshot(revision=state.revision, epoch=state.epoch, entries=entries)

    def _sizes(self, prefix: str, after: str, limit: int) -> Sequence[int]:
        with self._lock:
            keys = self._some_keys(prefix, after, limit)
            return [len(self._entries[key].value) for key in keys]

    def _state(self) -> LogState:
        return self._standing

    def _around(self, key: str, revision: int) -> tuple[Change | None, Change | None]:
        before = after = None
        with self._lock:
            for change in self._log:
                if change.key == key:
                    if change.revision > revision:
                        after = change
                        break
                    before = change
        return before, after

    def _some_keys(self, prefix: str, after: str, limit: int | None) -> Keys:
        keys = self._range(prefix)
        start = bisect_right(keys, after) if after else 0
        return keys[start : None if limit is None else start + limit]

    def _range(self, prefix: str) -> Keys:
        start = bisect_left(self._sorted, prefix)
        # Cutting the keys to the prefix's length keeps their order.
        end = bisect_right(self._sorted, prefix, lo=start, key=lambda key: key[: len(prefix)])
        return self._sorted[start:end]

    # Writing

    def _apply(self, operations: Sequence[Operation], actor: str) -> Changes:
        with self._lock:
            standing = self._standing_of(operations)
            check_conditions(operations, standing)
            changing = [operation for operation in operations if not isinstance(operation, Check)]
            if not changing:
                return []
            revision = self._standing.revision + 1
            changes = changes_of(changing, revision, standing, actor)
            for change in changes:
                self._perform(change)
            self._standing = LogState(revision, self._standing.compacted, self._standing.epoch)
            self._trim()
        self.tail.wake()
        return changes

    def _standing_of(self, operations: Sequence[Operation]) -> Standing:
        entries = (self._entries.get(operation.key) for operation in operations)
        return {e.key: (e.revision, e.created_revision) for e in entries if e is not None}

    def _perform(self, change: Change) -> None:
        self._log.append(change)
        self._log_bytes += len(change.value or b"")
        if change.value is None:
            del self._entries[change.key]
            del self._sorted[bisect_left(self._sorted, change.key)]
            return
        if change.key not in self._entries:
            self._sorted.insert(bisect_left(self._sorted, change.key), change.key)
        self._entries[change.key] = change.to_entry()

    # The log

    def _trim(self) -> None:
        # The newest revision stays, however large: a watcher could never read it otherwise.
        while (
            len(self._log) > self.history_limit or self._log_bytes > self.history_bytes
        ) and self._log[0].revision < self._standing.revision:
            self._drop_through(self._log[0].revision)

    def _drop_through(self, revision: int) -> None:
        while self._log and self._log[0].revision <= revision:
            self._log_bytes -= len(self._log.popleft().value or b"")
        self._standing = LogState(self._standing.revision, revision, self._standing.epoch)

    def _compact(self, revision: int) -> None:
        with self._lock:
            if revision > self._standing.compacted:
                self._drop_through(revision)

    def _renew(self, epoch: str | None) -> LogState:
        with self._lock:
            if epoch is None or epoch == self._standing.epoch:
                self._standing = LogState(
                    self._standing.revision, self._standing.compacted, uuid4().hex
                )
            return self._standing

    def clear(self) -> None:
        """Empty it, log and all: a new epoch begins."""
        with self._lock:
            self._entries.clear()
            self._sorted.clear()
            self._log.clear()
            self._log_bytes = 0
            self._standing = LogState(0, 0, uuid4().hex)
        self.tail.wake()

    def read_log(
        self,
        since: int,
        selector: Selector,
        *,
        limit: int = PAGE_CHANGES,
        whole: bool = True,
    ) -> Page:
        """See Log.read_log()."""
        with self._lock:
            state = self._standing
            state.check(since)
            batches, through = _page(self._log, since, selector, limit)
            return Page(batches, state.revision if through is None else through, state)

    def waiter(self, wake: threading.Event) -> MemoryWaiter:
        """See Log.waiter()."""
        return MemoryWaiter(wake)


class MemoryWaiter:
    """Nobody else writes to this memory, so that the wake-up alone is enough."""

    def __init__(self, wake: threading.Event) -> None:
        self._wake = wake

    def arm(self) -> None:
        """See Waiter.arm()."""

    def wait(self) -> None:
        """See Waiter.wait()."""
        self._wake.wait()

    def close(self) -> None:
        """See Waiter.close()."""


def _page(
    log: Sequence[Change] | deque[Change], since: int, selector: Selector, limit: int
) -> tuple[list[Batch], int | None]:
    """The batches, and the revision they end with when the page was full before the log's end."""
    batches: list[Batch] = []
    revision: Changes = []
    count = size = 0
    # From the newest back: a tail reads the last few of ten thousand.
    newer = []
    for change in reversed(log):
        if change.revision <= since:
            break
        newer.append(change)
    for change in reversed(newer):
        if not selector.matches(change.key):
            continue
        if revision and change.revision != revision[0].revision:
            batches.append(Batch(revision))
            revision = []
            if count >= limit or size >= PAGE_BYTES:
                return batches, batches[-1].revision
        revision.append(change)
        count += 1
        size += len(change.value or b"")
    if revision:
        batches.append(Batch(revision))
    return batches, None
