"""A large commit as records and commands: what ``apply.lua`` does with a small one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

from ...types import Changes, Check, Delete, Operation, Write
from ..commit import Standing, changes_of, check_conditions
from . import schema as layout
from .asking import Known, microseconds

#: records, and bytes of their values, that are appended at once
PART_RECORDS, PART_BYTES = 50, 64 * 1024


class Record(NamedTuple):
    """Of the log, see ``shared.lua``."""

    id: bytes
    meta: bytes
    key: bytes
    value: bytes | None

    def staged(self) -> tuple[bytes, ...]:
        """As ``stage.lua`` takes it."""
        return (self.id, self.meta, self.key, *_optional(self.value))

    def command(self, log: bytes) -> tuple[Any, ...]:
        value = () if self.value is None else (b"v", self.value)
        return ("XADD", log, self.id, b"m", self.meta, b"k", self.key, *value)


class Commit:
    """One attempt at it. What the store says comes with found(), and then the rest is known."""

    def __init__(self, operations: Sequence[Operation], actor: str) -> None:
        self.keys = [operation.key.encode() for operation in operations]
        self.changing = [o for o in operations if not isinstance(o, Check)]
        #: the state before the values are compared
        self.compared: bytes | None = None
        self.token = uuid4().hex.encode()
        self.now = microseconds()
        self.actor = actor
        self._operations = operations
        self._shift = 0

    def first(self) -> tuple[bytes, ...]:
        """Of the first record, what ``begin.lua`` takes."""
        operation = self.changing[0]
        return (operation.key.encode(), *_optional(_value(operation)))

    def began(self, kept: bytes, first: bytes) -> None:
        """The state in which the first record was appended, and its id."""
        self.kept, self.first_id = kept, first
        self._shift = int(first.partition(b"-")[2])

    def is_of_one_epoch(self, kept: bytes | None) -> bool:
        """Whether this state is of the epoch in which the values were compared."""
        if kept is None or self.compared is None:
            return False
        return kept.split(b" ", 1)[0] == self.compared.split(b" ", 1)[0]

    def found(self, kept: bytes, *metas: bytes | None) -> None:
        """The state, as ``shared.lua`` keeps it, and what is remembered of each key."""
        self._before = Known.of(kept)
        self.epoch, self._size = self._before.epoch, self._before.size
        self.revision = self._before.revision + bool(self.changing)
        pairs = zip(self._operations, metas, strict=True)
        self.standing: Standing = {o.key: layout.revisions(meta) for o, meta in pairs if meta}

    def check(self) -> None:
        """See check_conditions()."""
        check_conditions(self._operations, self.standing)

    def changes(self) -> Changes:
        at = layout.moment(self.now)
        return changes_of(self.changing, self.revision, self.standing, self.actor, at)

    def parts(self) -> tuple[list[list[Record]], list[Record]]:
        """The records after the first: parts that are appended at once, and the last of them."""
        parts: list[list[Record]] = [[]]
        size = 0
        for number, operation in enumerate(self.changing):
            record = self._record(number, operation)
            if number == 0:
                continue
            length = len(record.value or b"")
            if parts[-1] and (size + length > PART_BYTES or len(parts[-1]) >= PART_RECORDS):
                parts.append([])
                size = 0
            parts[-1].append(record)
            size += length
        return parts[:-1], parts[-1]

    def _record(self, number: int, operation: Operation) -> Record:
        previous, created = self._stood(operation)
        meta = f"{previous} {created} {self.now} {self._size} {self.actor}"
        value = _value(operation)
        self._size += len(value or b"")
        record_id = f"{self.revision}-{self._shift + number}"
        return Record(record_id.encode(), meta.encode(), operation.key.encode(), value)

    def commands(self, names: layout.Names, records: Sequence[Record]) -> list[tuple[Any, ...]]:
        """What is said between MULTI and EXEC, with these records; after parts()."""
        if not self.changing:
            return []
        entries, log, index = names.kept
        written = [o for o in self.changing if isinstance(o, Write)]
        gone = [o.key for o in self.changing if isinstance(o, Delete)]
        new = [o.key for o in written if o.key not in self.standing]
        kept = self._before.after(self._size - self._before.size).state
        described = _words((o.key, self._described(o)) for o in written)
        commands: list[tuple[Any, ...]] = [
            *(record.command(log) for record in records),
            ("HSET", entries, *described, b"", kept),
            ("DEL", names.ahead, *(names.value(key) for key in gone)),
        ]
        if written:
            commands.append(("MSET", *_words((names.value(o.key), o.data) for o in written)))
        if new:
            commands.append(("ZADD", index, *_words((0, key) for key in new)))
        if gone:
            commands += [("HDEL", entries, *gone), ("ZREM", index, *gone)]
        return commands

    def _described(self, operation: Write) -> str:
        _, created = self._stood(operation)
        sha = layout.fingerprint(operation.data)
        return f"{sha} {self.revision} {created} {self.now} {self.actor}"

    def _stood(self, operation: Operation) -> tuple[int, int]:
        return self.standing.get(operation.key, (0, self.revision))


def _value(operation: Operation) -> bytes | None:
    return operation.data if isinstance(operation, Write) else None


def _optional(value: bytes | None) -> tuple[bytes, bytes]:
    """For a script, which gets no nothing."""
    return (b"", b"0") if value is None else (value, b"1")


def _words(pairs: Iterable[tuple[Any, ...]]) -> list[Any]:
    return [word for pair in pairs for word in pair]
