"""Comparing everything: what others wrote while nobody listened, or where nothing tells of it.

Of all the processes of a storage one does it at a time. The others wait for it, if they must, and
are content with it when it began after they wanted it.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator

from ...exceptions import StorageUnavailable
from .client import Server
from .comparing import LEASE, Turn
from .questions import Ask
from .read import KEYS_AT_ONCE
from .steps import Plans

logger = logging.getLogger("agent_master_storage.redis")

#: seconds between two looks at whether another has done it; and in the background
LOOK = 0.02
RETRY = 1.0


class Sweeper:
    """Compares keys of one storage with what is remembered of them, in this process."""

    def __init__(
        self,
        alias: str,
        server: Server,
        plans: Plans,
        interval: float,
        is_closing: Callable[[], bool],
    ) -> None:
        self._alias = alias
        self._server = server
        self._plans = plans
        self._names = plans.names
        self._interval = interval
        self._is_closing = is_closing
        self._told: set[bytes] = set()
        self._next = 0.0

    @property
    def due_in(self) -> float:
        """Seconds until everything is to be compared again; below 0: it is time."""
        return self._next - time.monotonic()

    def sweep(self, lately: bool = False) -> None:
        """Return when everything was compared after this call; or ``lately``, in the interval."""
        turn = self._plans.turn()
        while (kind := self._begin(turn, lately=lately, awaited=True)) == b"wait":
            self._go_on()
            time.sleep(LOOK)
        if kind == b"yours":
            for _ in self._sweep(turn):
                pass

    def sweep_slowly(self) -> Iterator[None]:
        """The same in slices, for which nobody waits; not if another is at it, or was lately."""
        turn = self._plans.turn()
        kind = self._begin(turn, lately=True, awaited=False)
        if kind == b"wait":
            self._next = time.monotonic() + RETRY
        if kind == b"yours":
            yield from self._sweep(turn, unless_taken=True)

    def _begin(self, turn: Turn, lately: bool, awaited: bool) -> bytes:
        kind, seconds = self._server.run(
            turn.begin(
                lately=self._interval if lately else 0, interval=self._interval, awaited=awaited
            )
        )
        if kind == b"done":
            self._next = time.monotonic() + seconds
        return kind

    def _sweep(self, turn: Turn, unless_taken: bool = False) -> Iterator[None]:
        began = heard = time.monotonic()
        try:
            for _ in self._slices():
                if time.monotonic() - heard > LEASE / 5:
                    heard = time.monotonic()
                    if not self._server.ask(turn.go_on()) and unless_taken:
                        self._next = heard + RETRY
                        return
                yield
        except BaseException:
            with contextlib.suppress(StorageUnavailable):
                self._server.ask(turn.leave())
            raise
        seconds = time.monotonic() - began
        self._server.ask(turn.end(seconds))
        # As turn.lua has it.
        self._next = time.monotonic() + max(self._interval, 10 * seconds)

    def _slices(self) -> Iterator[None]:
        """Compare every key: those remembered, then those that are not."""
        epoch = self._server.run(self._plans.state()).epoch
        low = b"-"
        while True:
            limit = (b"LIMIT", 0, KEYS_AT_ONCE)
            keys = self._server.ask(Ask((b"ZRANGEBYLEX", self._names.index, low, b"+", *limit)))
            yield from self._slice(keys, only_new=False)
            if len(keys) < KEYS_AT_ONCE:
                break
            low = b"(" + keys[-1]
        cursor: bytes | int = 0
        while True:
            scan = ("SCAN", cursor, "MATCH", self._names.pattern, "COUNT", KEYS_AT_ONCE)
            cursor, names = self._server.ask(Ask(scan))
            yield from self._slice(self._keys_of(names), only_new=True)
            if int(cursor) == 0:
                break
        self._server.run(self._plans.adopted(epoch.encode()))

    def _slice(self, keys: list[bytes], only_new: bool) -> Iterator[None]:
        for start in range(0, len(keys), 250):
            self._go_on()
            self._note_wrong(
                self._server.run(self._plans.compare(keys[start : start + 250], only_new))
            )
            yield

    def _go_on(self) -> None:
        if self._is_closing():
            raise StorageUnavailable(f"the storage {self._alias!r} was closed meanwhile")

    def compare(self, names: Iterable[bytes]) -> None:
        """Compare what has these names."""
        if keys := self._keys_of(names):
            self._note_wrong(self._server.run(self._plans.compare(keys)))

    def _keys_of(self, names: Iterable[bytes]) -> list[bytes]:
        keys = []
        for name in names:
            if self._names.key(name) is None:
                self._tell_once(name, "is no key by our rules")
            else:
                keys.append(name[len(self._names.values) :])
        return keys

    def _note_wrong(self, keys: list[bytes]) -> None:
        for key in keys:
            self._tell_once(self._names.values + key, "holds no string")

    def _tell_once(self, name: bytes, fault: str) -> None:
        if name not in self._told and len(self._told) < 10_000:
            self._told.add(name)
            logger.warning("%s: skipping %r in Redis, which %s", self._alias, name, fault)
