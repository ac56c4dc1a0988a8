"""Auto-sync: writes destinations whenever the document changes.

The storage's watch reports every change of the document, in whatever process it is made. The
watch recovers from lost connections by itself, and a failed sync is retried, so a destination is
out of date only for a while.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection

from ...actor import actor
from ...backoff import Backoff
from ...exceptions import StorageError
from .. import keys
from ..document_store import DocumentStore
from .sync import SyncResult, sync_all

logger = logging.getLogger("agent_master_storage.engine")

#: the actor of writes to keys of destinations, and of stored sync results
ACTOR = "auto-sync"

#: the first and the longest delay before a failed sync is retried, in seconds
RETRY_DELAYS = (0.5, 30.0)

#: seconds that stop() waits for a running sync
STOP_TIMEOUT = 5.0


def auto_sync(
    engine: DocumentStore,
    destinations: Collection[str] | None = None,
    *,
    debounce: float | None = None,
    on_sync: Callable[[list[SyncResult]], object] | None = None,
) -> AutoSync:
    """Sync now and after every change, until stop() of the returned object is called.

    Args:
        destinations: Names; None for those of the setting ``autoSync.destinations``, or for all
            enabled ones if that is empty.
        debounce: Seconds to wait for more changes after the first; None for the setting
            ``autoSync.debounceDelay``.
        on_sync: Called with the results of each sync, in the thread of auto-sync.
    """
    return AutoSync(engine, destinations, debounce, on_sync)


class AutoSync:
    """A thread that syncs once when it starts, and after every change of the document.

    Changes within ``debounce`` seconds of the first one are synced together. Use it as a context
    manager, or call stop().
    """

    def __init__(
        self,
        engine: DocumentStore,
        destinations: Collection[str] | None,
        debounce: float | None,
        on_sync: Callable[[list[SyncResult]], object] | None,
    ) -> None:
        self._engine = engine
        self._destinations = destinations
        self._debounce = debounce
        self._on_sync = on_sync
        self._changed = threading.Event()
        self._stopped = threading.Event()
        self._backoff = Backoff(*RETRY_DELAYS)
        self._unsubscribe = engine.storage.watch(keys.CONFIG, self._wake)
        name = f"agent-master-storage-autosync-{engine.storage.alias}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """End auto-sync; wait at most STOP_TIMEOUT for a running sync. Safe to call twice."""
        self._stopped.set()
        self._changed.set()
        self._unsubscribe()
        if self._thread is not threading.current_thread():
            self._thread.join(STOP_TIMEOUT)

    def __enter__(self) -> AutoSync:
        return self

    def __exit__(self, *args: object) -> None:
        self.stop()

    def _wake(self, value: bytes | None) -> None:
        self._changed.set()

    def _run(self) -> None:
        delay = 0.0
        while not self._stopped.wait(delay):
            # Cleared before the document is read: a later change triggers another sync.
            self._changed.clear()
            retry_after = self._sync_once()
            self._changed.wait(retry_after)
            delay = 0.0 if self._stopped.is_set() else self._debounce_delay()

    def _sync_once(self) -> float | None:
        """Sync, and return the seconds until a retry, or None if all destinations succeeded."""
        try:
            results = self._sync()
        except Exception as error:
            expected = isinstance(error, StorageError)
            logger.warning("auto-sync failed: %s", error, exc_info=None if expected else error)
            results = None
        finally:
            # Hold no connection while there is nothing to do.
            self._engine.storage.release()
        if results is not None and all(result.success for result in results):
            self._backoff.reset()
            return None
        return self._backoff.next()

    def _sync(self) -> list[SyncResult]:
        names = self._destinations
        if names is None:
            names = self._engine.config().settings.auto_sync.destinations or None
        with actor(ACTOR):
            results = sync_all(self._engine, names)
        for result in results:
            for fault in result.errors:
                logger.warning("auto-sync of %r failed: %s", result.destination, fault["error"])
        if self._on_sync is not None:
            self._on_sync(results)
        return results

    def _debounce_delay(self) -> float:
        if self._debounce is not None:
            return self._debounce
        try:
            return self._engine.config().settings.auto_sync.debounce_seconds
        except StorageError:
            return RETRY_DELAYS[0]
        finally:
            self._engine.storage.release()
