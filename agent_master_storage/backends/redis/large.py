"""Large commits: not one script, for which the server would do nothing else too long.

A script gets each value as a string of Lua, which hashes it byte by byte, and so does the check of
the value that stood there: 20 milliseconds for a thousand values of 4 KiB. Here

- the keys are put under WATCH, Redis' optimistic locking, and their values are compared with what
  is remembered of them, some at a time (``reconcile.lua``);
- the records of the log are appended, some at a time, ahead of their revision, where nobody reads.
  Others who write wait for the end as soon as the first is there (``begin.lua``, ``stage.lua``);
- values, entries and the new state are written between MULTI and EXEC, in a millisecond or two.

If anybody has changed one of the keys meanwhile, or the state all the same, EXEC does nothing, and
all is done anew. After some attempts it is one script. What is left of one that was broken off
stands ahead in the log until somebody writes, who removes it (``ready()`` in ``shared.lua``).
"""

from __future__ import annotations

from collections.abc import Sequence

from ...exceptions import KeyNotFound, RevisionConflict
from ...types import Changes, Operation, Write
from ..operations import check_conditions
from . import scripts
from .commit import Commit, Record
from .comparing import Comparing
from .errors import wrong_type
from .server import Ask, Batch, Steps
from .writing import Writing

#: operations, and bytes of values, up to which a commit is one script and one round trip
MOST_OPERATIONS = 100
MOST_BYTES = 256 * 1024
#: attempts before it becomes one script
ATTEMPTS = 3
#: keys of one WATCH: it compares each with all that are watched already
WATCHED_AT_ONCE = 100
#: milliseconds that others wait for the next part, or the end
PATIENCE = 200
#: changes that leave the log at once
TRIMMED_AT_ONCE = 250


class Large(Writing, Comparing):
    """apply() for commits of any size."""

    def apply(self, operations: Sequence[Operation], actor: str) -> Steps[Changes]:
        """See Writing.apply()."""
        if is_large(operations):
            if not self.permitted:
                yield from self.probe()
            for _ in range(ATTEMPTS):
                changes = yield from self._attempt(operations, actor)
                if changes is not None:
                    yield from self._trim(len(changes))
                    return changes
        return (yield from super().apply(operations, actor))

    def _attempt(self, operations: Sequence[Operation], actor: str) -> Steps[Changes | None]:
        """None: somebody else has written meanwhile."""
        made = Commit(operations, actor)
        yield from self._compare_watched(made.keys)
        begun = None
        if made.changing:
            words = (PATIENCE, actor, *made.first())
            answer = yield self.script(scripts.BEGIN, *words, now=made.now, again=False)
            begun = answer[2]
            made.began(answer[3])
        try:
            changes = yield from self._finish(made, operations, begun)
        except (KeyNotFound, RevisionConflict):
            yield from self._let_others(begun)
            raise
        if changes is None:
            yield from self._let_others(begun)
        return changes

    def _compare_watched(self, keys: Sequence[bytes]) -> Steps[None]:
        """From here to EXEC, the values are what is remembered of them."""
        for start in range(0, len(keys), WATCHED_AT_ONCE):
            some = keys[start : start + WATCHED_AT_ONCE]
            yield Batch((("WATCH", *(self.names.values + key for key in some)),))
        wrong = yield from self.compare(keys)
        if wrong:
            error = wrong_type(self.names.values + wrong[0])
            error.index = keys.index(wrong[0])
            raise error

    def _finish(
        self, made: Commit, operations: Sequence[Operation], begun: bytes | None
    ) -> Steps[Changes | None]:
        entries = self.names.kept[0]
        # Whoever writes, or removes our records, changes the entries.
        watch = (("WATCH", entries),) if made.changing else ()
        *_, (kept, *metas) = yield Batch((*watch, ("HMGET", entries, b"", *made.keys)))
        if kept is None or begun not in (None, kept):
            return None
        made.found(kept, metas)
        check_conditions(operations, made.standing)
        parts = made.parts()
        if not (yield from self._stage(kept, parts)):
            return None
        commands = made.commands(self.names, parts[-1] if len(parts) > 1 else [])
        answers = yield Batch((("MULTI",), *commands, ("EXEC",)), writes=True)
        if answers[-1] is None:
            return None
        self.saw(made.epoch, b"%d" % made.revision)
        return made.changes()

    def _stage(self, kept: bytes, parts: Sequence[Sequence[Record]]) -> Steps[bool]:
        """Append all but the first record and the last part; whether nobody came between."""
        for part, before in zip(parts[1:-1], parts, strict=False):
            last = before[-1]
            words = [word for record in part for word in record.staged()]
            answer = yield self.script(
                scripts.STAGE, kept, PATIENCE, last.id, last.meta, *words, again=False
            )
            if not answer[2]:
                return False
        return True

    def _let_others(self, begun: bytes | None) -> Steps[None]:
        """They need not wait for what we do not finish."""
        if begun is not None:
            yield Ask(("DEL", self.names.ahead))

    def _trim(self, appended: int) -> Steps[None]:
        more = appended > 0
        while more:
            answer = yield self.script(scripts.TRIM, appended, TRIMMED_AT_ONCE)
            more = bool(answer[2])


def is_large(operations: Sequence[Operation]) -> bool:
    """Whether a script of it would keep the server busy for more than two or three milliseconds."""
    if len(operations) < 2:
        return False
    size = sum(len(o.data) for o in operations if isinstance(o, Write))
    return len(operations) > MOST_OPERATIONS or size > MOST_BYTES
