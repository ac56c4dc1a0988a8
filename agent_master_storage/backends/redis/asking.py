"""How a script is asked, and what an answer tells of the store: the ground of all steps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import uuid4

from ..base import BaseStorage
from .questions import Ask
from .schema import Names
from .scripts import Script


class Known(NamedTuple):
    """The highest revision that this process has seen, and in which epoch."""

    epoch: bytes = b""
    revision: int = 0
    #: the whole state, as shared.lua keeps it; empty: it is not known, or not any more
    state: bytes = b""
    #: of it: the bytes ever appended, and what follows them
    size: int = 0
    rest: bytes = b""

    @classmethod
    def of(cls, state: bytes) -> Known:
        epoch, revision, size, rest = state.split(b" ", 3)
        return cls(epoch, int(revision), state, int(size), rest)

    def after(self, size: int) -> Known:
        """One revision later, of so many bytes."""
        epoch, revision, size, rest = self.epoch, self.revision + 1, self.size + size, self.rest
        return Known(epoch, revision, b"%b %d %d %b" % (epoch, revision, size, rest), size, rest)


class Asking:
    """The names and limits of one storage, and what this process has seen of the store."""

    def __init__(self, names: Names, limits: BaseStorage) -> None:
        self.names = names
        self.known = Known()
        self._limits = limits
        self._token = uuid4().hex

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
        names = (*self.names.kept, self.names.ahead, *values)
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


def microseconds() -> int:
    """Since 1970."""
    return time.time_ns() // 1000
