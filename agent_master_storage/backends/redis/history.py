"""The steps of reading the log."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from ...exceptions import RevisionCompacted
from ...types import Change, Changes
from ...watch import Batch, LogState, Page, Selector
from ...watch.log import PAGE_BYTES, PAGE_CHANGES
from ..base import BaseStorage
from . import schema as layout
from . import scripts
from .asking import Asking
from .questions import Steps


class Mark(NamedTuple):
    """The last record of the log that this process has read."""

    epoch: bytes
    id: bytes
    meta: bytes


class History(Asking):
    """The log, whole or some of it, and where it stands."""

    def __init__(self, names: layout.Names, limits: BaseStorage) -> None:
        super().__init__(names, limits)
        self._mark: Mark | None = None
        self.suspicious = False

    def suspect(self) -> None:
        """A connection was lost: the server may be another, or have lost something."""
        self.suspicious = True

    def state(self) -> Steps[LogState]:
        answer = yield self.script(scripts.STATE, b"")
        return self._log_state(answer)

    def compact(self, revision: int) -> Steps[None]:
        while True:
            answer = yield self.script(scripts.COMPACT, revision)
            if self._log_state(answer).compacted >= revision:
                return

    def renew(self, epoch: str | None) -> Steps[LogState]:
        answer = yield self.script(scripts.RENEW, epoch or "")
        return self._log_state(answer)

    def log(self, since: int, selector: Selector, limit: int) -> Steps[Page]:
        """Read on until there is a whole revision, or the end; never cut one."""
        if self.suspicious:
            yield from self._verify()
        reading = LogReading(since, selector)
        while True:
            answer = yield self.script(scripts.HISTORY, *reading.arguments(limit))
            state = self._log_state(answer)
            if len(answer) > 4:
                number, fields = answer[-1]
                self._mark = Mark(answer[0], number, fields[1])
            page = reading.add(answer, state, limit)
            if page is not None:
                return page

    def _verify(self) -> Steps[None]:
        """A store that was set back, and has passed what we knew, still has another log."""
        if self._mark is not None:
            answer = yield self.script(scripts.VERIFY, *self._mark)
            self.saw(answer[0], answer[1])
        self.suspicious = False

    def around(self, key: str, revision: int) -> Steps[tuple[Change | None, Change | None]]:
        state = yield from self.state()
        before, position = None, state.compacted
        while position < state.revision:
            try:
                page = yield from self.log(position, Selector("", key), PAGE_CHANGES)
            except RevisionCompacted as compacted:
                # Cut while we read: go on with what is left.
                before, position = None, compacted.oldest - 1
                continue
            for change in page.changes:
                if change.revision > revision:
                    return before, change
                before = change
            position, state = page.through, page.state
        return before, None

    def _log_state(self, answer: Sequence[bytes]) -> LogState:
        return LogState(self.saw(answer[0], answer[1]), int(answer[2]), answer[0].decode())


class LogReading:
    """Collects the answers of the script until they hold a page."""

    def __init__(self, since: int, selector: Selector) -> None:
        self._since = since
        self._of_key = selector.key is not None
        self._wanted = (selector.prefix if selector.key is None else selector.key).encode()
        self._begin(b"")

    def _begin(self, epoch: bytes) -> None:
        self._epoch, self._position = epoch, b""
        self._changes: Changes = []
        self._size = 0

    def arguments(self, limit: int) -> tuple[Any, ...]:
        kind = b"key" if self._of_key else b"prefix"
        # One more shows that the last revision is whole.
        left = PAGE_CHANGES if self._position else limit + 1
        return self._since, self._position, left, kind, self._wanted

    def add(self, answer: list[Any], state: LogState, limit: int) -> Page | None:
        """The page, if there is one now."""
        state.check(self._since)
        if self._epoch not in (b"", answer[0]):
            self._begin(answer[0])
            return None
        self._epoch, self._position = answer[0], answer[3]
        changes = [layout.change(record) for record in answer[4:]]
        self._changes += changes
        self._size += sum(len(change.value or b"") for change in changes)
        if self._position and len(self._changes) <= limit and self._size < PAGE_BYTES:
            return None
        return self._page(state, limit)

    def _page(self, state: LogState, limit: int) -> Page | None:
        # The revision that the script stopped in may go on.
        whole = int(self._position.partition(b"-")[0]) - 1 if self._position else state.revision
        batches: list[Batch] = []
        size = count = 0
        for revision, changes in groupby(self._changes, attrgetter("revision")):
            if revision > whole:
                break
            if count >= limit or size >= PAGE_BYTES:
                return Page(batches, batches[-1].revision, state)
            batches.append(Batch(changes))
            count, size = count + len(batches[-1].changes), size + batches[-1].size
        if self._position and count < limit and size < PAGE_BYTES:
            return None
        return Page(batches, whole, state)
