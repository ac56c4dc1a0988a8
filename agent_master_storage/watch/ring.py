"""The newest batches of a log, kept in memory for everybody who keeps up."""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter

from .log import Batch

MAX_BATCHES = 1024
MAX_BYTES = 16 * 1024 * 1024

_revision = attrgetter("revision")


class Ring:
    """Holds every batch after ``floor``, the newest MAX_BATCHES and MAX_BYTES of them."""

    def __init__(self, floor: int = 0) -> None:
        self.clear(floor)

    def clear(self, floor: int) -> None:
        self.floor = floor
        self._batches: list[Batch] = []
        self._bytes = 0

    def append(self, batch: Batch) -> None:
        self._batches.append(batch)
        self._bytes += batch.size
        while len(self) > MAX_BATCHES or (self._bytes > MAX_BYTES and len(self) > 1):
            self._drop_oldest()

    def after(self, revision: int) -> list[Batch] | None:
        """All batches that end after ``revision``; None: some of them are held no more."""
        if revision < self.floor:
            return None
        start = bisect_right(self._batches, revision, key=_revision)
        return self._batches[start:]

    def __len__(self) -> int:
        return len(self._batches)

    def _drop_oldest(self) -> None:
        # Moving a thousand pointers costs less than anything cleverer.
        batch = self._batches.pop(0)
        self._bytes -= batch.size
        self.floor = batch.revision
