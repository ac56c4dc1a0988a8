"""``python -m tests.support.stress_writer ALIAS SEED COMMITS``: random writes of every kind.

Prints what it committed: for each revision it took, the changes as key and value. What it
rolled back, and what was refused, is not among them.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Sequence
from typing import Any

import django

django.setup()

from django.db import transaction  # noqa: E402

from agent_master_storage import Check, Delete, Write, storages  # noqa: E402
from agent_master_storage.exceptions import KeyNotFound, RevisionConflict  # noqa: E402
from agent_master_storage.types import Change, Operation  # noqa: E402

#: keys that all writers fight for
SHARED = [f"shared:{number}" for number in range(20)]


class RolledBack(Exception):
    """Raised inside atomic(), to leave no trace."""


class Writer:
    def __init__(self, alias: str, seed: int) -> None:
        self.storage: Any = storages[alias]
        self.seed = seed
        self.random = random.Random(seed)
        self.committed: list[list[Change]] = []
        self._number = 0

    def run(self, commits: int) -> None:
        ways: Sequence[Callable[[], None]] = (
            self.write, self.write, self.delete, self.several, self.compare_and_set,
            self.atomic, self.rolled_back, self.savepoint,
        )  # fmt: skip
        while len(self.committed) < commits:
            try:
                self.random.choice(ways)()
            except (KeyNotFound, RevisionConflict):
                continue

    def _write(self, key: str = "") -> Write:
        self._number += 1
        return Write(key or self._key(), b"%d:%d" % (self.seed, self._number))

    def _key(self) -> str:
        own = f"own:{self.seed}:{self.random.randrange(10)}"
        return self.random.choice([*SHARED[:5], self.random.choice(SHARED), own])

    def _do(self, *operations: Operation) -> list[Change]:
        changes: list[Change] = self.storage.transact(operations)
        return changes

    def write(self) -> None:
        self.committed.append(self._do(self._write()))

    def delete(self) -> None:
        self.committed.append(self._do(Delete(self._key())))

    def several(self) -> None:
        keys = self.random.sample(SHARED, 4)
        self.committed.append(self._do(*(self._write(key) for key in keys)))

    def compare_and_set(self) -> None:
        entry = self.storage.entry(self._key())
        change = Write(entry.key, self._write().data, entry.revision)
        self.committed.append(self._do(Check(entry.key, entry.revision), change))

    def atomic(self) -> None:
        with transaction.atomic(self.storage.using):
            done = [self._do(self._write()) for _ in range(3)]
        self.committed += done

    def rolled_back(self) -> None:
        try:
            with transaction.atomic(self.storage.using):
                self._do(self._write())
                self._do(self._write("never"))
                raise RolledBack
        except RolledBack:
            return

    def savepoint(self) -> None:
        with transaction.atomic(self.storage.using):
            done = [self._do(self._write())]
            try:
                with transaction.atomic(self.storage.using):
                    self._do(self._write("never"))
                    raise RolledBack
            except RolledBack:
                done.append(self._do(self._write()))
        self.committed += done


def told(change: Change) -> tuple[str, str | None]:
    return change.key, None if change.value is None else change.value.decode()


if __name__ == "__main__":
    writer = Writer(sys.argv[1], int(sys.argv[2]))
    writer.run(int(sys.argv[3]))
    print(json.dumps([(made[0].revision, [told(c) for c in made]) for made in writer.committed]))
