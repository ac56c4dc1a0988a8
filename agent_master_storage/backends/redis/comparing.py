"""The steps of noticing what others wrote: comparing values with what is remembered of them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from . import scripts
from .asking import Asking
from .questions import Ask, Steps

#: keys that one script is given; it takes fewer when their values are large
COMPARED_AT_ONCE = 250
#: seconds that a process that compares everything need not be heard of
LEASE = 2.0


class Comparing(Asking):
    """Some keys, and whose turn it is to compare all."""

    def compare(self, keys: Sequence[bytes], only_new: bool = False) -> Steps[list[bytes]]:
        """Make changes of what others did to these keys; returns those that hold no string."""
        wrong: list[bytes] = []
        done, kind = 0, b"new" if only_new else b""
        while done < len(keys):
            some = keys[done : done + COMPARED_AT_ONCE]
            answer = yield self.script(scripts.RECONCILE, self.names.values, kind, *some)
            self.saw(answer[0], answer[1])
            done += answer[2]
            wrong += answer[3:]
        return wrong

    def adopted(self, epoch: bytes) -> Steps[None]:
        """All keys from before are taken in, if the store is still in this epoch."""
        answer = yield self.script(scripts.STATE, epoch)
        self.saw(answer[0], answer[1])

    def turn(self) -> Turn:
        """To ask for the turn to compare everything."""
        return Turn(self.names.sweeps)


class Turn:
    """One attempt at it, see ``turn.lua``."""

    def __init__(self, sweeps: bytes) -> None:
        self._sweeps = sweeps
        self._name = uuid4().hex
        self._since = b""

    def begin(self, *, lately: float, interval: float, awaited: bool) -> Steps[tuple[bytes, float]]:
        """``yours``; or ``done``, and the seconds until the next is due; or ``wait``.

        It is done when one is that began after the first call of this, or ``lately``: less than so
        many seconds ago.
        """
        limits = int(lately * 1000), int(interval * 1000), int(awaited)
        kind, *more = yield self._ask("begin", self._since, *limits)
        if kind == b"wait":
            self._since = more[0]
        return kind, int(more[0]) / 1000 if kind == b"done" else 0.0

    def go_on(self) -> Ask:
        """To be asked more often than LEASE; no: somebody else has the turn."""
        return self._ask("go on")

    def end(self, seconds: float) -> Ask:
        """All was compared, which took so long."""
        return self._ask("end", int(seconds * 1000))

    def leave(self) -> Ask:
        """Not all was."""
        return self._ask("leave")

    def _ask(self, what: str, *more: object) -> Ask:
        lease = int(LEASE * 1000)
        return Ask(
            ("EVALSHA", scripts.TURN.sha, 1, self._sweeps, self._name, what, lease, *more), True
        )
