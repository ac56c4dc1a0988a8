"""watch(): a handler called in a thread of its own, so that a slow one holds up nobody."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from ..exceptions import KeyNotFound, RevisionCompacted, StorageError
from ..forks import gate
from ..types import Change, Entry, WatchHandler
from .log import Log
from .subscription import Subscription
from .tail import BACKOFF, END_TIMEOUT

logger = logging.getLogger("agent_master_storage.watch")


class Watchable(Log, Protocol):
    """A log that can also be subscribed to and asked for the state of a key."""

    def subscribe(
        self, *, key: str | None = None, notify: Callable[[], object]
    ) -> Subscription: ...

    def entry(self, key: str) -> Entry: ...


class HandlerThread:
    """Calls one handler for the changes of one key, one after another.

    It has nobody to raise to, so where the log can't be read on (compacted past it, or a new
    epoch) it tells the handler the present state and goes on from there.
    """

    def __init__(self, log: Watchable, key: str, handler: WatchHandler) -> None:
        self._log = log
        self._key = key
        self._handler = handler
        self._lock = threading.Lock()
        self._closed = False
        self._ready = threading.Event()
        self._ready.set()
        # The state up to this revision was told by a resync, not by its changes.
        self._skip_to = 0
        # The state is still to be told, because the changes that led to it can't be.
        self._lost = False
        self._subscription = log.subscribe(key=key, notify=self._ready.set)
        self._thread = threading.Thread(
            target=self._run, name=f"agent-master-storage-watch-{key[:40]}", daemon=True
        )
        self._thread.start()

    def join(self, timeout: float) -> None:
        """Wait for the thread, which ends after unsubscribe()."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def unsubscribe(self) -> None:
        """Final: no call starts after this has returned. One that runs is not awaited."""
        with self._lock:
            self._closed = True
        self._subscription.close()
        self._ready.set()
        if self._log.readers_block:
            self.join(END_TIMEOUT)

    def _run(self) -> None:
        failures = 0
        while not self._closed:
            self._ready.wait()
            self._ready.clear()
            try:
                self._drain()
                failures = 0
            except Exception as error:
                known = isinstance(error, StorageError)
                logger.warning(
                    "%s: reading for a watch failed: %s",
                    self._log.alias,
                    error,
                    exc_info=None if known else error,
                )
                failures += 1
                self._ready.set()
                time.sleep(min(BACKOFF[0] * 2 ** min(failures, 10), BACKOFF[1]))
            finally:
                with gate.inside():
                    self._log.release()

    def _drain(self) -> None:
        while (self._lost or self._subscription.pending) and not self._closed:
            if self._lost:
                self._resync()
                continue
            try:
                with gate.inside():
                    batches = self._subscription.pull()
            except RevisionCompacted:
                self._lost = True
                continue
            for batch in batches:
                for change in batch.changes:
                    self._tell(change)

    def _tell(self, change: Change) -> None:
        if change.revision > self._skip_to:
            self._call(change.value)

    def _call(self, value: bytes | None) -> None:
        with self._lock:
            if self._closed:
                return
        try:
            self._handler(value)
        except Exception:
            logger.exception("%s: the handler of %r raised", self._log.alias, self._key)

    def _resync(self) -> None:
        logger.warning(
            "%s: the watch of %r could not read on, it tells the present state",
            self._log.alias,
            self._key,
        )
        with gate.inside():
            self._subscription.close()
            self._subscription = self._log.subscribe(key=self._key, notify=self._ready.set)
        if self._closed:
            self._subscription.close()
            return
        value: bytes | None
        try:
            with gate.inside():
                entry = self._log.entry(self._key)
            value, self._skip_to = entry.value, entry.revision
        except KeyNotFound:
            value, self._skip_to = None, 0
        self._lost = False
        self._call(value)
