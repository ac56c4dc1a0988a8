"""Reads a log while others write: in the test's process, or ``python -m`` in its own."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterable
from typing import Any

from agent_master_storage.exceptions import RevisionCompacted
from agent_master_storage.types import Change

#: the key whose write ends the reading
END = "end"


class Replay:
    """The state that the changes tell of; refuses a gap, a repetition, a wrong order."""

    def __init__(self) -> None:
        self.revision = 0
        self.changes = 0
        self.state: dict[str, tuple[int, bytes]] = {}
        self.seen: dict[int, list[tuple[str, str | None]]] = {}
        self._digest = hashlib.sha256()
        self._whole = True

    def begin(self, revision: int, entries: Iterable[Any]) -> None:
        """Start over from a snapshot."""
        self.revision, self._whole = revision, True
        self.state = {entry.key: (entry.revision, entry.value) for entry in entries}

    def add(self, change: Change) -> bool:
        """Take one change. Whether it was the last of all."""
        expected = self.revision + 1 if self._whole else self.revision
        assert change.revision == expected, f"{change.revision} came in place of {expected}"
        stood = self.state.get(change.key, (0, b""))[0]
        assert change.previous_revision == stood, f"{change} but the key stood at {stood}"
        self.revision, self._whole = change.revision, change.last
        self._keep(change)
        return change.key == END

    def _keep(self, change: Change) -> None:
        self.changes += 1
        value = None if change.value is None else change.value.decode()
        self.seen.setdefault(change.revision, []).append((change.key, value))
        self._digest.update(repr((change.revision, change.key, value)).encode())
        if change.value is None:
            del self.state[change.key]
        else:
            self.state[change.key] = (change.revision, change.value)

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()


def follow(storage: Any, replay: Replay, since: int) -> None:
    """Take every change until the end."""
    with storage.changes(since=since) as changes:
        for change in changes:
            if replay.add(change):
                return


def follow_slowly(storage: Any, replay: Replay) -> int:
    """Fall behind the log again and again, recover by snapshots. How often that was."""
    compacted = 0
    while True:
        snapshot = storage.snapshot()
        replay.begin(snapshot.revision, snapshot.entries)
        if END in replay.state:
            return compacted
        try:
            if _stop_and_go(storage, replay, snapshot):
                return compacted
        except RevisionCompacted as error:
            assert error.oldest > replay.revision
            compacted += 1


def _stop_and_go(storage: Any, replay: Replay, snapshot: Any) -> bool:
    """Read a little from time to time, each time resuming. Whether the end was reached."""
    while True:
        with storage.changes(since=replay.revision, epoch=snapshot.epoch) as changes:
            for number, change in enumerate(changes):
                if replay.add(change):
                    return True
                if number >= 20 and change.last:
                    break
        _fall_behind(storage, replay)


def _fall_behind(storage: Any, replay: Replay) -> None:
    """However fast they write: until the log has gone on without us, or they have stopped."""
    newest, last = storage.revision, -1
    while last < newest < replay.revision + 150:
        time.sleep(0.1)
        last, newest = newest, storage.revision


if __name__ == "__main__":
    import django

    django.setup()

    from agent_master_storage import storages

    replay = Replay()
    print(json.dumps("ready"))
    follow(storages[sys.argv[1]], replay, 0)
    print(json.dumps([replay.revision, replay.changes, replay.digest]))
