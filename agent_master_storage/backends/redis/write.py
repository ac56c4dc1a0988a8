"""The steps of a write: one script, which does all of it or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...types import Changes, Check, Operation, Write
from ..base import BaseStorage
from ..commit import changes_of, check_conditions
from . import schema as layout
from . import scripts
from .asking import Asking, Known, microseconds
from .errors import forbidden, wrong_type
from .questions import Ask, Steps, template


class Writing(Asking):
    """put() where nothing speaks against it, write() and apply() for everything."""

    def __init__(self, names: layout.Names, limits: BaseStorage) -> None:
        super().__init__(names, limits)
        #: the user has been found to have the rights that a write takes
        self.permitted = False
        # As trim() in shared.lua has it.
        most, size = limits.history_limit, limits.history_bytes
        every = max(1, min(16, most // 100))
        largest = int(size + min(size / 10, 512 * 1024))
        look = b"%d %d %d" % (every, most + min(most // 10, 100), largest)
        self._put_begins = ("EVALSHA", scripts.PUT.sha, 4, *names.kept)
        self._put = template(*self._put_begins, *[None] * 10, look)
        self._every = every
        #: bytes of a value that calls for a look at once, for else the log would grow by a tenth
        self._large = size // (10 * every)

    def probe(self) -> Steps[None]:
        """Before the first write: a right that is missing must not leave half of one."""
        place = self.names.log.removesuffix(b"log") + b"probe"
        refusal = yield self.script(scripts.PROBE, place, self.names.values + self._token.encode())
        if refusal:
            raise forbidden(refusal.decode())
        self.permitted = True

    def may_put(self, data: bytes) -> bool:
        """Whether put() is worth a try."""
        return self.permitted and len(data) <= self._large

    def put(self, key: str, data: bytes, actor: str) -> Ask:
        """One write without a condition. The answer is the state, or None: write() it then."""
        known, encoded, by = self.known, key.encode(), actor.encode()
        name, now = self.names.values + encoded, b"%d" % microseconds()
        sha = layout.fingerprint(data).encode()
        if known.state and known.revision % self._every:
            # Nobody else has written, most likely: then the server need not work it out.
            then = known.after(len(data))
            state, after = known.state, then.state
            own, size = b"%d" % then.revision, b"%d" % known.size
        else:
            state = b"%b %d" % (known.epoch, known.revision)
            own = size = after = b""
        packed = self._put % (
            len(name), name, len(state), state, len(own), own, len(size), size, len(after), after,
            len(now), now, len(by), by, len(encoded), encoded, len(data), data, len(sha), sha,
        )  # fmt: skip
        return Ask(self._put_begins, False, packed)

    def was_put(self, state: bytes) -> int:
        """The revision."""
        found, known = Known.of(state), self.known
        # An answer may come late: another thread may have heard of the next epoch since.
        if found.epoch == known.epoch and found.revision > known.revision:
            self.known = found
        return found.revision

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
