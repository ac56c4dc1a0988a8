"""What each call asks of the server and makes of the answers: generators that wait for nothing.

``Server.run()`` answers them in a thread, ``AsyncServer.run()`` in an event loop, so that there is
one of each and not two.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import uuid4

from ...exceptions import RevisionCompacted, StorageUnavailable
from ...types import Change, Changes, Check, Entry, Keys, Operation, Snapshot, Write
from ...watch import Batch, LogState, Page, Selector
from ...watch.log import PAGE_BYTES, PAGE_CHANGES
from ..base import BaseStorage
from ..operations import changes_of, check_conditions
from . import layout, scripts
from .errors import forbidden, wrong_type
from .scripts import Script
from .server import Ask, Steps

#: keys, entries, and keys to compare, that a command or script handles at once: below 5 ms
KEYS_AT_ONCE = 2000
ENTRIES_AT_ONCE = 250
COMPARED_AT_ONCE = 250
#: times that a snapshot begins anew when the log was cut behind it
SNAPSHOT_ATTEMPTS = 5


class Known(NamedTuple):
    """The highest revision that this process has seen, and in which epoch."""

    epoch: bytes = b""
    revision: int = 0


class Mark(NamedTuple):
    """The last record of the log that this process has read."""

    epoch: bytes
    id: bytes
    meta: bytes


class Plans:
    """The steps of one storage, and what it has seen of the store."""

    def __init__(self, names: layout.Names, limits: BaseStorage) -> None:
        self.names = names
        self.known = Known()
        self._mark: Mark | None = None
        #: the user has been found to have the rights that a write takes
        self.permitted = False
        self.suspicious = False
        self._limits = limits
        # As trim() in shared.lua has it.
        self._slack = (
            int(limits.history_limit + min(limits.history_limit / 10, 100)),
            int(limits.history_bytes + min(limits.history_bytes / 10, 512 * 1024)),
        )
        self._look_every = max(1, min(16, limits.history_limit // 100))
        self._token = uuid4().hex

    def suspect(self) -> None:
        """A connection was lost: the server may be another, or have lost something."""
        self.suspicious = True

    # Asking

    def script(
        self,
        script: Script,
        *own: Any,
        values: Sequence[bytes] = (),
        now: int = 0,
        again: bool = True,
    ) -> Ask:
        """See ``shared.lua`` for what each script is told."""
        known, limits = self.known, self._limits
        names = (*self.names.kept, *values)
        return Ask(
            (
                "EVALSHA", script.sha, len(names), *names,
                known.epoch, known.revision, self._token, now or microseconds(),
                limits.history_limit, limits.history_bytes, *own,
            ),
            again,
        )  # fmt: skip

    def saw(self, epoch: bytes, revision: bytes) -> int:
        """Note what an answer tells of the store; returns the revision."""
        number, known = int(revision), self.known
        if number > known.revision or epoch != known.epoch:
            self.known = Known(epoch, number)
        return number

    # Writing

    def probe(self) -> Steps[None]:
        """Before the first write: a right that is missing must not leave half of one."""
        place = self.names.log.removesuffix(b"log") + b"probe"
        refusal = yield self.script(scripts.PROBE, place, self.names.values + self._token.encode())
        if refusal:
            raise forbidden(refusal.decode())
        self.permitted = True

    def put(self, key: str, data: bytes, actor: str) -> Ask:
        """One write without a condition. The answer is the revision, or None: write() it then."""
        encoded, known = key.encode(), self.known
        # Not in any epoch before the user's rights are known: then it does nothing.
        epoch = known.epoch if self.permitted else b""
        return Ask(
            (
                "EVALSHA", scripts.PUT.sha, 5, *self.names.kept, self.names.values + encoded,
                epoch, known.revision, time.time_ns() // 1000, *self._slack,
                actor, encoded, data, layout.fingerprint(data), self._look_every,
            ),
            False,
        )  # fmt: skip

    def was_put(self, revision: int) -> int:
        known = self.known
        if revision > known.revision:
            self.known = Known(known.epoch, revision)
        return revision

    def write(self, operation: Write, actor: str) -> Steps[int]:
        """One write, whatever it meets."""
        if not self.permitted:
            yield from self.probe()
        values = (self.names.value(operation.key),)
        answer = yield self.script(
            scripts.APPLY, actor, *self._arguments(operation), values=values, again=False
        )
        return self.written(answer, (operation,))

    def written(self, answer: list[bytes], operations: Sequence[Operation]) -> int:
        """The revision that a write or commit took, or the error why it was refused."""
        revision = self.saw(answer[1], answer[2])
        if answer[0] == b"ok":
            return revision
        if answer[0] == b"wrong":
            index = int(answer[3]) - 1
            error = wrong_type(self.names.value(operations[index].key))
            error.index = index
            raise error
        standing = {o.key: (int(n), 0) for o, n in zip(operations, answer[3:], strict=True)}
        check_conditions(operations, standing)
        raise AssertionError("a condition did not hold, and now it does")

    def apply(self, operations: Sequence[Operation], actor: str) -> Steps[Changes]:
        changing = [operation for operation in operations if not isinstance(operation, Check)]
        if not operations:
            return []
        if not self.permitted:
            yield from self.probe()
        now = microseconds()
        own: list[Any] = []
        values: list[bytes] = []
        for operation in operations:
            own += self._arguments(operation)
            values.append(self.names.value(operation.key))
        answer = yield self.script(
            scripts.APPLY, actor, *own, values=values, now=now, again=not changing
        )
        revision = self.written(answer, operations)
        numbers = [int(number) for number in answer[3:]]
        stood = zip(changing, numbers[::2], numbers[1::2], strict=True)
        standing = {operation.key: (previous, created) for operation, previous, created in stood}
        return changes_of(changing, revision, standing, actor, layout.moment(now))

    @staticmethod
    def _arguments(operation: Operation) -> tuple[Any, ...]:
        key = operation.key.encode()
        if isinstance(operation, Check):
            return b"c", operation.revision, key, b"", b""
        expected = "" if operation.if_revision is None else operation.if_revision
        if isinstance(operation, Write):
            return b"w", expected, key, operation.data, layout.fingerprint(operation.data)
        return b"d", expected, key, b"", b""

    # Reading

    def get(self, key: str) -> Steps[Entry | None]:
        name = self.names.value(key)
        answer = yield self.script(scripts.LOOK, key.encode(), values=(name,))
        self.saw(answer[0], answer[1])
        if len(answer) == 2:
            return None
        if not answer[2]:
            raise wrong_type(name)
        return layout.entry(key, answer[2], answer[3])

    def keys(self, prefix: str) -> Steps[Keys]:
        low, high = layout.lexical(prefix)
        found: list[bytes] = []
        while True:
            limit = (b"LIMIT", 0, KEYS_AT_ONCE)
            some = yield Ask((b"ZRANGEBYLEX", self.names.index, low, high, *limit))
            found += some
            if len(some) < KEYS_AT_ONCE:
                return [key.decode() for key in found]
            low = b"(" + some[-1]

    def sizes(self, prefix: str, after: str, limit: int) -> Steps[list[int]]:
        slices = yield from self._slices(prefix, after, limit, b"sizes")
        return [size for answer in slices for size in answer[5::3]]

    def scan(self, prefix: str, after: str, limit: int | None, values: bool) -> Steps[Snapshot]:
        """Entries of one moment, read in slices: what changed meanwhile is in the log."""
        for _ in range(SNAPSHOT_ATTEMPTS):
            slices = yield from self._slices(prefix, after, limit, b"values" if values else b"meta")
            found = {
                key: layout.entry(key.decode(), meta, value)
                for answer in slices
                for key, meta, value in zip(answer[3::3], answer[4::3], answer[5::3], strict=True)
            }
            first, last = slices[0], slices[-1]
            moment = LogState(int(first[1]), 0, first[0].decode())
            if len(slices) > 1:
                reach = Reach(prefix, after.encode(), last[2])
                try:
                    moment = yield from self._catch_up(found, moment, reach, values)
                except RevisionCompacted:
                    continue
            entries = [found[key] for key in sorted(found)][:limit]
            return Snapshot(revision=moment.revision, epoch=moment.epoch, entries=entries)
        raise StorageUnavailable(
            "the log is cut faster than a snapshot can be read: raise the option history_limit"
        )

    def _slices(
        self, prefix: str, after: str, limit: int | None, wanted: bytes
    ) -> Steps[list[list[Any]]]:
        low, high = layout.lexical(prefix, after)
        slices: list[list[Any]] = []
        left = limit
        while True:
            count = ENTRIES_AT_ONCE if left is None else min(left, ENTRIES_AT_ONCE)
            answer = yield self.script(scripts.SCAN, self.names.values, low, high, count, wanted)
            self.saw(answer[0], answer[1])
            slices.append(answer)
            if left is not None:
                left -= (len(answer) - 3) // 3
            if not answer[2] or left == 0:
                return slices
            low = b"(" + answer[2]

    def _catch_up(
        self, found: dict[bytes, Entry], moment: LogState, reach: Reach, values: bool
    ) -> Steps[LogState]:
        """Bring slices of different moments to one, which is returned."""
        position = moment.revision
        while True:
            page = yield from self.log(position, Selector(reach.prefix), PAGE_CHANGES)
            page.state.check(position, moment.epoch)
            for change in page.changes:
                key = change.key.encode()
                if change.value is None or key not in reach:
                    found.pop(key, None)
                else:
                    found[key] = _entry_of(change, values)
            position = page.through
            if position >= page.state.revision:
                return page.state

    # The log

    def state(self) -> Steps[LogState]:
        answer = yield self.script(scripts.STATE, b"")
        return self._log_state(answer)

    def adopting(self, done_in: str = "") -> Steps[bool]:
        """Whether keys from before are still to be taken in; ``done_in``: the epoch where not."""
        answer = yield self.script(scripts.STATE, done_in)
        self.saw(answer[0], answer[1])
        return bool(answer[3] != b"0")

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

    # What others wrote

    def compare(self, keys: Sequence[bytes], only_new: bool = False) -> Steps[list[bytes]]:
        """Make changes of what others did to these keys; returns those that hold no string."""
        wrong: list[bytes] = []
        done, kind = 0, b"new" if only_new else b""
        while done < len(keys):
            some = keys[done : done + COMPARED_AT_ONCE]
            answer = yield self.script(scripts.RECONCILE, self.names.values, kind, *some)
            self.saw(answer[0], answer[1])
            done += answer[2]
            wrong += answer[3:]
        return wrong


class Reach(NamedTuple):
    """The keys that the slices of a scan cover."""

    prefix: str
    after: bytes
    #: empty: all to the end
    last: bytes

    def __contains__(self, key: object) -> bool:
        assert isinstance(key, bytes)
        return key > self.after and (not self.last or key <= self.last)


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


def microseconds() -> int:
    return time.time_ns() // 1000


def _entry_of(change: Change, values: bool) -> Entry:
    return Entry(
        key=change.key,
        value=(change.value or b"") if values else b"",
        revision=change.revision,
        created_revision=change.created_revision,
        updated_at=change.at,
        actor=change.actor,
    )
