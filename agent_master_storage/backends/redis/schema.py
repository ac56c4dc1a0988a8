"""Which names a storage has in Redis, and what stands under them.

``<prefix>:<key>``   a plain string, the value: what the Go engine reads and writes
``<prefix>/entries`` hash: what is remembered of each key, with the SHA-1 of its value; and, as the
                     entry of an empty key, the state: epoch, revision, and the log's bounds
``<prefix>/log``     stream: the changes, with ids ``<revision>-<number in it>``
``<prefix>/index``   sorted set: every key, all with the score 0, so that they sort by their bytes
``<prefix>/sweeps``  hash: who compares everything, and when it was done; see ``turn.lua``
``<prefix>/ahead``   string, for moments: a large commit appends to the log; see ``begin.lua``

None of the last five begins with ``<prefix>:``, so that the engine never lists them, and all keep
a hash tag in the prefix. The state and an entry in one hash are read at once, and written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha1

from ...exceptions import InvalidKey
from ...keys import check_key, prefix_range
from ...types import Change, Entry

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPECIAL = re.compile(rb"[*?\[\]\\]")


class Names:
    """The names of one storage, as bytes."""

    def __init__(self, prefix: str) -> None:
        base = prefix.encode()
        self.values = base + b":"
        self.log = base + b"/log"
        self.index = base + b"/index"
        self.sweeps = base + b"/sweeps"
        self.ahead = base + b"/ahead"
        #: entries, log, index
        self.kept = (base + b"/entries", self.log, self.index)
        #: for SCAN and PSUBSCRIBE, whose patterns must be escaped
        self.pattern = _SPECIAL.sub(rb"\\\g<0>", self.values) + b"*"

    def value(self, key: str) -> bytes:
        return self.values + key.encode()

    def key(self, name: bytes) -> str | None:
        """The key of a value's name; None: it is not a key."""
        try:
            return check_key(name[len(self.values) :].decode())
        except (UnicodeDecodeError, InvalidKey):
            return None


def lexical(prefix: str, after: str = "") -> tuple[bytes, bytes]:
    """The range of ZRANGEBYLEX: keys that begin with ``prefix`` and sort after ``after``."""
    low, high = prefix_range(prefix)
    start = b"(" + after.encode() if after and after >= low else b"[" + low.encode()
    return start, b"+" if high is None else b"(" + high.encode()


def fingerprint(value: bytes) -> str:
    """What tells whether a value is still the one that was written; no secret, no signature."""
    return sha1(value, usedforsecurity=False).hexdigest()


def moment(microseconds: bytes | int) -> datetime:
    return _EPOCH + timedelta(microseconds=int(microseconds))


def revisions(meta: bytes) -> tuple[int, int]:
    """Where an entry stands, and where it was created."""
    _, revision, created, _ = meta.split(b" ", 3)
    return int(revision), int(created)


def entry(key: str, meta: bytes, value: bytes) -> Entry:
    _, revision, created, at, actor = meta.split(b" ", 4)
    return Entry(
        key=key,
        value=value,
        revision=int(revision),
        created_revision=int(created),
        updated_at=moment(at),
        actor=actor.decode(),
    )


def change(record: Sequence[object]) -> Change:
    """A record of the log: its id and its fields."""
    number, fields = record
    assert isinstance(number, bytes) and isinstance(fields, list)
    previous, created, at, _, actor = fields[1].split(b" ", 4)
    value = fields[5] if len(fields) > 4 else None
    return Change(
        type="delete" if value is None else "write",
        key=fields[3].decode(),
        value=value,
        revision=int(number.partition(b"-")[0]),
        previous_revision=int(previous),
        at=moment(at),
        actor=actor.decode(),
        created_revision=int(created),
    )
