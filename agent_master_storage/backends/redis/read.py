"""The steps of reading entries: of one key, of many in slices, at one moment."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...exceptions import RevisionCompacted, StorageUnavailable
from ...types import Entry, Keys, Snapshot
from ...watch import LogState, Selector
from ...watch.log import PAGE_CHANGES
from . import schema as layout
from . import scripts
from .errors import wrong_type
from .history import History
from .questions import Ask, Steps

#: keys, and entries, that a command or script handles at once: far below 5 ms
KEYS_AT_ONCE = 1000
ENTRIES_AT_ONCE = 250
#: times that a snapshot begins anew when the log was cut behind it
SNAPSHOT_ATTEMPTS = 5


class Reading(History):
    """Entries by key, and in the order of their keys."""

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
                    found[key] = change.to_entry(values=values)
            position = page.through
            if position >= page.state.revision:
                return page.state


class Reach(NamedTuple):
    """The keys that the slices of a scan cover."""

    prefix: str
    after: bytes
    #: empty: all to the end
    last: bytes

    def __contains__(self, key: object) -> bool:
        assert isinstance(key, bytes)
        return key > self.after and (not self.last or key <= self.last)
