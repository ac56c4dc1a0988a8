"""Large commits: not one script, for which the server would do nothing else too long.

A script gets each value as a string of Lua, which hashes it byte by byte, and so does the check of
the value that stood there: 20 milliseconds for a thousand values of 4 KiB. Here

- the keys are put under WATCH, Redis' optimistic locking, and their values are compared with what
  is remembered of them, some at a time (``reconcile.lua``);
- the records of the log are appended, some at a time, ahead of their revision, where nobody reads.
  Others who write wait for the end as soon as the first is there (``begin.lua``, ``stage.lua``);
- values, entries and the new state are written between MULTI and EXEC, in a millisecond or two.

If anybody has changed one of the keys meanwhile, or the state all the same, EXEC does nothing, and
all is done anew. After some attempts it is one script. ``<prefix>/ahead`` names whose commit it is,
as long as that one is heard of. What is left of one whose process has ended stands ahead in the log
until somebody writes, who removes it (``ready()`` in ``shared.lua``).
"""

from __future__ import annotations

from collections.abc import Sequence

from ...exceptions import KeyNotFound, RevisionConflict, StorageUnavailable
from ...types import Changes, Operation, Write
from . import scripts
from .commit import Commit, Record
from .comparing import Comparing
from .errors import wrong_type
from .questions import Batch, Steps
from .write import Writing

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
TRIMMED_AT_ONCE = 100


class Large(Writing, Comparing):
    """apply() for commits of any size."""

    def apply(self, operations: Sequence[Operation], actor: str) -> Steps[Changes]:
        """See Writing.apply()."""
        if is_large(operations):
            if not self.permitted:
                yield from self.probe()
            for _ in range(ATTEMPTS):
                changes = yield from self._attempt(Commit(operations, actor))
                if changes is not None:
                    yield from self._trim(len(changes))
                    return changes
            yield Batch((("UNWATCH",),))
        return (yield from super().apply(operations, actor))

    def _attempt(self, made: Commit) -> Steps[Changes | None]:
        """None: somebody else has written meanwhile."""
        entries = self.names.kept[0]
        _, made.compared = yield Batch((("UNWATCH",), ("HGET", entries, b"")))
        yield from self._compare_watched(made.keys)
        # Before anything is done: most refusals leave nothing to be removed.
        (found,) = yield Batch((("HMGET", entries, b"", *made.keys),))
        if not made.is_of_one_epoch(found[0]):
            return None
        made.found(*found)
        made.check()
        if made.changing:
            words = (made.token, PATIENCE, made.actor, *made.first())
            _, _, kept, first = yield self.script(scripts.BEGIN, *words, now=made.now)
            made.began(kept, first)
        try:
            changes = yield from self._finish(made)
        except (KeyNotFound, RevisionConflict):
            yield from self._leave(made)
            raise
        if changes is None:
            yield from self._leave(made)
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

    def _finish(self, made: Commit) -> Steps[Changes | None]:
        entries = self.names.kept[0]
        if made.changing:
            # Who writes, or removes our records, changes the entries. Nobody has since we began, if
            # the mark and the state are as they were.
            _, mark, found = yield Batch(
                (
                    ("WATCH", entries),
                    ("GET", self.names.ahead),
                    ("HMGET", entries, b"", *made.keys),
                )
            )
            alone = mark == made.token and found[0] == made.kept
            if not (alone and made.is_of_one_epoch(made.kept)):
                return None
            made.found(*found)
            made.check()
        ahead, last = made.parts()
        if not (yield from self._stage(made.token, ahead)):
            return None
        if made.changing:
            log = self.names.log
            _, first = yield Batch((("WATCH", log), ("XRANGE", log, made.first_id, made.first_id)))
            if not first:
                # Somebody has removed the log.
                return None
        # By itself: where it is refused, what follows would be done all the same.
        yield Batch((("MULTI",),))
        answers = yield Batch((*made.commands(self.names, last), ("EXEC",)), again=False)
        if answers[-1] is None:
            return None
        self.saw(made.epoch, b"%d" % made.revision)
        return made.changes()

    def _stage(self, token: bytes, parts: Sequence[Sequence[Record]]) -> Steps[bool]:
        """Append these ahead; whether nobody came between."""
        for part in parts:
            words = [word for record in part for word in record.staged()]
            answer = yield self.script(scripts.STAGE, token, PATIENCE, *words)
            if not answer[2]:
                return False
        return True

    def _leave(self, made: Commit) -> Steps[None]:
        """Others need not wait for what is not done."""
        if made.changing:
            yield self.script(scripts.LEAVE, made.token)

    def _trim(self, appended: int) -> Steps[None]:
        """In parts, after a commit of so many; the next write does what is not done here."""
        for _ in range(2 + 2 * appended // TRIMMED_AT_ONCE):
            try:
                answer = yield self.script(scripts.TRIM, TRIMMED_AT_ONCE)
            except StorageUnavailable:
                # The commit was made, whatever becomes of this.
                return
            if not answer[2]:
                return


def is_large(operations: Sequence[Operation]) -> bool:
    """Whether a script of it would keep the server busy for more than two or three milliseconds."""
    if len(operations) < 2:
        return False
    size = sum(len(o.data) for o in operations if isinstance(o, Write))
    return len(operations) > MOST_OPERATIONS or size > MOST_BYTES
