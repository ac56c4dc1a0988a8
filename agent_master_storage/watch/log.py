"""What a watch needs of an adapter: its log, and a way to wait until there may be more."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ..exceptions import InvalidValue, RevisionAhead, RevisionCompacted
from ..keys import check_key, check_prefix
from ..types import Change

#: changes read from a log at once; a transaction is never cut
PAGE_CHANGES = 1000
#: bytes of values after which a page or a frame ends
PAGE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Selector:
    """Which keys a reader wants: one key, or all that begin with ``prefix``."""

    prefix: str = ""
    key: str | None = None

    @classmethod
    def of(cls, prefix: str = "", key: str | None = None) -> Selector:
        """Check the arguments; InvalidValue when both are given."""
        if key is None:
            return cls(check_prefix(prefix))
        if prefix:
            raise InvalidValue("give a key or a prefix, not both")
        return cls("", check_key(key))

    def matches(self, key: str) -> bool:
        return key.startswith(self.prefix) if self.key is None else key == self.key


@dataclass(frozen=True, slots=True)
class LogState:
    """Where a log stands."""

    revision: int
    #: the highest revision that was dropped from it
    compacted: int
    epoch: str

    def check(self, since: int, epoch: str | None = None) -> None:
        """Raise RevisionCompacted or RevisionAhead unless the log can be read after ``since``."""
        if epoch is not None and epoch != self.epoch:
            raise RevisionCompacted(
                f"the store was emptied or set back: it is in epoch {self.epoch}, not {epoch}",
                oldest=self.compacted + 1,
            )
        if since > self.revision:
            raise RevisionAhead(
                f"revision {since} has not been, the storage stands at {self.revision}",
                oldest=self.compacted + 1,
                current=self.revision,
            )
        if since < self.compacted:
            raise RevisionCompacted(
                f"the log no longer holds what came after revision {since}, "
                f"only from {self.compacted + 1}",
                oldest=self.compacted + 1,
            )


class Batch:
    """The changes of one transaction, or those of them that a selector matches.

    ``memo`` is for readers to keep what they made of it, so that a thousand sockets encode a
    batch once.
    """

    __slots__ = ("changes", "memo", "revision", "size")

    def __init__(self, changes: Iterable[Change]) -> None:
        self.changes = _mark_last(changes)
        self.revision = self.changes[-1].revision
        self.size = sum(len(change.value or b"") for change in self.changes)
        self.memo: dict[Any, Any] = {}

    def select(self, selector: Selector, after: int) -> Batch | None:
        """The part that ``selector`` matches and that comes after that revision."""
        if self.changes[0].revision > after:
            if selector not in self.memo:
                self.memo[selector] = self._part(selector, after)
            part: Batch | None = self.memo[selector]
            return part
        return self._part(selector, after)

    def _part(self, selector: Selector, after: int) -> Batch | None:
        part = [
            change
            for change in self.changes
            if change.revision > after and selector.matches(change.key)
        ]
        if len(part) == len(self.changes):
            return self
        return Batch(part) if part else None


def _mark_last(changes: Iterable[Change]) -> tuple[Change, ...]:
    """``last`` speaks of what this reader gets: a selector may drop the end of a revision."""
    marked = list(changes)
    for index, change in enumerate(marked):
        last = index + 1 == len(marked) or marked[index + 1].revision != change.revision
        if change.last != last:
            marked[index] = replace(change, last=last)
    return tuple(marked)


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of the log: whole transactions, in order."""

    batches: list[Batch]
    #: every matching change up to here is in this page or came before it
    through: int
    #: where the log stood when it was read
    state: LogState

    @property
    def changes(self) -> Iterator[Change]:
        return (change for batch in self.batches for change in batch.changes)


class Waiter(Protocol):
    """Waits, for one tail and in its thread, until the log may hold more."""

    def arm(self) -> None:
        """From now on, notice changes: called before each reading of the log."""

    def wait(self) -> None:
        """Return when there may be more since arm(), and now and then anyway."""

    def close(self) -> None:
        """Let go of what the waiting held."""


class Log(Protocol):
    """What the tail and the subscriptions read; the adapters with a log are one."""

    alias: str

    @property
    def readers_block(self) -> bool:
        """Whether a thread that still reads can make another's write fail.

        Then who ends a watch waits for the thread, so that what comes next finds none.
        """

    def log_state(self) -> LogState:
        """Where the log stands, seen from outside any transaction of the caller."""

    def read_log(
        self,
        since: int,
        selector: Selector,
        *,
        limit: int = PAGE_CHANGES,
        whole: bool = True,
    ) -> Page:
        """Read on after ``since``: at least one transaction if there is a matching one.

        About ``limit`` changes and PAGE_BYTES at most; ``whole``: never cut a transaction,
        else never a revision. RevisionCompacted and RevisionAhead as LogState.check() says.
        """

    def last_of(self, revision: int) -> Change | None:
        """The last change of a revision, its value perhaps left out; None: there is none.

        RevisionCompacted and RevisionAhead as read_log() after the revision before.
        """

    def renew_epoch(self, known: LogState) -> LogState:
        """The store was set back behind ``known``: begin a new epoch unless one has begun."""

    def waiter(self, wake: threading.Event) -> Waiter:
        """A waiter that also returns when ``wake`` is set; called in the tail's thread."""

    def release(self) -> None:
        """Give back the connections of this thread, which will not read for a while."""
