"""Auto-sync: destinations follow the document by themselves.

The watch says that the document changed, whoever changed it. It goes on by itself after a lost
connection, and what failed is tried again, so that a destination is behind only for a while.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from typing import Any

from ..actor import actor
from ..exceptions import StorageError
from . import keys
from .core import twin
from .results import Results
from .syncing import SyncVerbs

logger = logging.getLogger("agent_master_storage.engine")

#: who writes the keys of destinations, and the notes of syncs
ACTOR = "auto-sync"

#: seconds until a sync that failed is tried again: doubled from the first to the last
BACKOFF = (0.5, 30.0)

#: seconds that stop() waits for a sync that runs
STOP_TIMEOUT = 5.0


class AutoSync:
    """A thread that syncs once when it starts, and after every change of the document.

    Changes that come within ``debounce`` seconds of the first are synced together. Use it in a
    ``with`` block or call stop().
    """

    def __init__(
        self,
        verbs: SyncVerbs,
        destinations: Collection[str] | None,
        debounce: float | None,
        on_sync: Callable[[Results], object] | None,
    ) -> None:
        self._verbs = verbs
        self._destinations = destinations
        self._debounce = debounce
        self._on_sync = on_sync
        self._changed = threading.Event()
        self._stopped = threading.Event()
        self._failures = 0
        self._unsubscribe = verbs.storage.watch(keys.CONFIG, self._note)
        name = f"agent-master-storage-autosync-{verbs.storage.alias}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """End it; a sync that runs is awaited for a few seconds. Safe to call twice."""
        self._stopped.set()
        self._changed.set()
        self._unsubscribe()
        if self._thread is not threading.current_thread():
            self._thread.join(STOP_TIMEOUT)

    def __enter__(self) -> AutoSync:
        return self

    def __exit__(self, *args: object) -> None:
        self.stop()

    def _note(self, value: bytes | None) -> None:
        self._changed.set()

    def _run(self) -> None:
        pause = 0.0
        while not self._stopped.wait(pause):
            # Before the reading: what comes later makes another turn.
            self._changed.clear()
            retry = self._turn()
            self._changed.wait(retry)
            pause = 0.0 if self._stopped.is_set() else self._pause()

    def _turn(self) -> float | None:
        """Sync; the seconds until it should be tried again though nothing changes."""
        try:
            results = self._sync()
        except Exception as error:
            known = isinstance(error, StorageError)
            logger.warning("auto-sync failed: %s", error, exc_info=None if known else error)
            results = None
        finally:
            self._release()
        if results is not None and all(result.success for result in results):
            self._failures = 0
            return None
        self._failures += 1
        return min(BACKOFF[0] * 2 ** min(self._failures - 1, 10), BACKOFF[1])

    def _sync(self) -> Results:
        wanted = self._destinations
        if wanted is None:
            wanted = self._verbs.config().settings.auto_sync.destinations or None
        with actor(ACTOR):
            results = self._verbs.sync_all(wanted)
        for result in results:
            for fault in result.errors:
                logger.warning("auto-sync of %r failed: %s", result.destination, fault["error"])
        if self._on_sync is not None:
            self._on_sync(results)
        return results

    def _pause(self) -> float:
        if self._debounce is not None:
            return self._debounce
        try:
            return self._verbs.config().settings.auto_sync.debounce_seconds
        except StorageError:
            return BACKOFF[0]
        finally:
            self._release()

    def _release(self) -> None:
        """Hold no connection while nothing happens."""
        release: Any = getattr(self._verbs.storage, "release", None)
        if release is not None:
            release()


class AutoSyncVerbs(SyncVerbs):
    """auto_sync."""

    def auto_sync(
        self,
        destinations: Collection[str] | None = None,
        *,
        debounce: float | None = None,
        on_sync: Callable[[Results], object] | None = None,
    ) -> AutoSync:
        """Sync now, and from now on after every change, until stop() of what is returned.

        ``destinations``: names; None: those of the setting ``autoSync.destinations``, or all
        that are enabled. ``debounce``: seconds; None: the setting ``autoSync.debounceDelay``.
        ``on_sync`` is called with the results of each turn, in its thread.
        """
        return AutoSync(self, destinations, debounce, on_sync)

    aauto_sync = twin(auto_sync)
