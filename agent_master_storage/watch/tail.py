"""The one reader of a log in a process, and the fan-out from it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable

from ..exceptions import RevisionCompacted, StorageError
from ..forks import gate, reset_in_child
from .anchor import Anchor
from .log import Batch, Log, LogState, Page, Selector, Waiter
from .notifying import notify
from .ring import Ring
from .router import Router
from .subscription import Subscription

logger = logging.getLogger("agent_master_storage.watch")

#: seconds between attempts while the store can't be reached: doubled from the first to the last
BACKOFF = (0.05, 5.0)
#: seconds that close() waits for the thread, and who unsubscribes where it must be awaited
END_TIMEOUT = 2.0

_EVERYTHING = Selector()


class Tail:
    """Follows one log while anybody is subscribed, in a thread of its own.

    The thread starts with the first subscription and ends after the last, so that an idle
    process holds no connection.
    """

    def __init__(self, log: Log) -> None:
        self.log = log
        self.reset_after_fork()
        reset_in_child(self)

    def reset_after_fork(self) -> None:
        """Start over without subscriptions: the child has no thread that serves them."""
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._anchor = Anchor(self.log)
        self._thread: threading.Thread | None = None
        # The one before it, which may not yet have closed its connection.
        self._ending: threading.Thread | None = None
        self._router: Router[Subscription] = Router()
        self._subscriptions: dict[Subscription, None] = {}
        self._abandoned: deque[Subscription] = deque()
        self._ring = Ring()
        # None until the thread knows where the log stands.
        self._state: LogState | None = None
        self._waiter: Waiter | None = None

    @property
    def revision(self) -> int | None:
        """How far it has read; None while it does not know where the log stands."""
        state = self._state
        return None if state is None else state.revision

    def wake(self) -> None:
        """There may be more: look again. Cheap, from any thread, as often as you like."""
        if self._thread is not None:
            self._wake.set()

    def doubt(self) -> None:
        """The store may be another one from here on: look before reading on."""
        self._anchor.doubt()

    # Subscriptions

    def subscribe(
        self,
        selector: Selector,
        position: int,
        epoch: str,
        notify: Callable[[], object],
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> Subscription:
        """``position`` and ``epoch`` have been checked against the log by the caller."""
        subscription = Subscription(self, selector, position, epoch, notify, loop)
        with self._lock:
            if self._thread is None:
                self._start()
            self._subscriptions[subscription] = None
            self._router.add(selector, subscription)
        return subscription

    def remove(self, subscription: Subscription) -> None:
        with self._lock:
            if subscription not in self._subscriptions:
                return
            del self._subscriptions[subscription]
            self._router.remove(subscription.selector, subscription)
            thread = None if self._subscriptions else self._thread
        if thread is not None:
            self._wake.set()
            if self.log.readers_block:
                self._await(thread)

    def abandon(self, subscription: Subscription) -> None:
        """remove() for the garbage collector: it may come while this thread holds our lock."""
        self._abandoned.append(subscription)
        self._wake.set()

    def take(self, subscription: Subscription) -> list[Batch] | None:
        with self._lock:
            batches = self._held_for(subscription)
            if batches is None or self._state is None:
                return None
            after = subscription.position
            subscription.position = max(after, self._state.revision)
            subscription.pending = False
        parts = (batch.select(subscription.selector, after) for batch in batches)
        return [part for part in parts if part is not None]

    def caught_up(self, subscription: Subscription) -> None:
        """It has read the log to its end by itself."""
        with self._lock:
            state = self._state
            # A thread that has not begun, or not yet in this epoch, flags all when it does.
            subscription.pending = (
                state is not None
                and state.epoch == subscription.epoch
                and subscription.position < state.revision
            )

    def bookmark(self, subscription: Subscription) -> int:
        with self._lock:
            state = self._state
            if subscription.pending or state is None or state.epoch != subscription.epoch:
                return subscription.position
            return max(subscription.position, state.revision)

    def close(self) -> None:
        """End all subscriptions and wait a moment for the thread to end."""
        with self._lock:
            thread = self._thread or self._ending
            ended = list(self._subscriptions)
            for subscription in ended:
                self._router.remove(subscription.selector, subscription)
                subscription.ended = True
            self._subscriptions.clear()
        notify(ended)
        self._wake.set()
        if thread is not None:
            self._await(thread)

    @staticmethod
    def _await(thread: threading.Thread) -> None:
        if thread is not threading.current_thread():
            thread.join(END_TIMEOUT)

    def _held_for(self, subscription: Subscription) -> list[Batch] | None:
        if self._state is None or self._state.epoch != subscription.epoch:
            return None
        return self._ring.after(subscription.position)

    # The thread

    def _start(self) -> None:
        """The lock is held: the thread looks when it is let go."""
        self._state = None
        thread = threading.Thread(
            target=self._run,
            name=f"agent-master-storage-tail-{self.log.alias}",
            daemon=True,
        )
        # It may fail, and must then be tried by the next who comes.
        thread.start()
        self._thread = thread

    def _run(self) -> None:
        failures = 0
        while not self._finished():
            try:
                self._follow()
                if failures:
                    logger.warning("%s: the watch can read the log again", self.log.alias)
                failures = 0
            except Exception as error:
                # Whatever it was, the log is still the truth: look again, less and less often.
                self._report(error, failures)
                self.doubt()
                waiter, self._waiter = self._waiter, None
                self._let_go(waiter)
                failures += 1
                self._wake.wait(min(BACKOFF[0] * 2 ** min(failures, 10), BACKOFF[1]))

    def _finished(self) -> bool:
        while self._abandoned:
            self.remove(self._abandoned.popleft())
        with self._lock:
            if self._subscriptions:
                return False
            # From here on, the next subscription starts another thread.
            self._ending, self._thread, self._state = self._thread, None, None
            waiter, self._waiter = self._waiter, None
        self._let_go(waiter)
        return True

    def _follow(self) -> None:
        """Read to the end of the log, then wait until there may be more."""
        self._wake.clear()
        with gate.inside():
            if self._waiter is None:
                self._waiter = self.log.waiter(self._wake)
            # Before the reading: what comes between it and the wait must not be missed.
            self._waiter.arm()
            while self._advance():
                pass
        if self._subscriptions and not self._abandoned:
            self._waiter.wait()

    def _advance(self) -> bool:
        """Read a page and hand it out. Whether there may be more."""
        known = self._state
        if known is None:
            self._begin(self.log.log_state())
            return False
        try:
            if not self._anchor.holds(known):
                self._say_new_epoch("does not go on where it was")
                self._begin(self.log.renew_epoch(known))
                return True
            page = self.log.read_log(known.revision, _EVERYTHING)
        except RevisionCompacted:
            self._begin_again(known)
            return True
        if page.state.epoch != known.epoch:
            self._begin_again(known)
            return True
        self._publish(page)
        return page.through < page.state.revision

    def _begin_again(self, known: LogState) -> None:
        """The log does not go on where we stand: set back, emptied, or compacted past us."""
        state = self.log.log_state()
        if state.epoch == known.epoch and state.revision < known.revision:
            self._say_new_epoch("was set back")
            state = self.log.renew_epoch(known)
        self._begin(state)

    def _say_new_epoch(self, why: str) -> None:
        logger.warning("%s: the store %s, a new epoch begins", self.log.alias, why)

    def _begin(self, state: LogState) -> None:
        """Stand at the end of the log; what came before, each subscription reads by itself."""
        self._anchor.drop_at(state)
        with self._lock:
            self._state = state
            self._ring.clear(floor=state.revision)
            ready = list(self._subscriptions)
            for subscription in ready:
                subscription.pending = True
        notify(ready)

    def _publish(self, page: Page) -> None:
        self._anchor.follow(page)
        with self._lock:
            ready: dict[Subscription, None] = {}
            for batch in page.batches:
                self._ring.append(batch)
                self._mark(batch, ready)
            assert self._state is not None
            self._state = LogState(page.through, page.state.compacted, page.state.epoch)
        notify(ready)

    def _mark(self, batch: Batch, ready: dict[Subscription, None]) -> None:
        """Flag the subscriptions that the batch concerns; the lock is held."""
        assert self._state is not None
        for key in {change.key for change in batch.changes}:
            for subscription in self._router.match(key):
                if subscription.pending or subscription.position >= batch.revision:
                    continue
                # It had taken all that there was, so nothing before this page concerns it.
                subscription.position = max(subscription.position, self._state.revision)
                subscription.pending = True
                ready[subscription] = None

    def _report(self, error: Exception, failures: int) -> None:
        if failures == 0:
            known = isinstance(error, StorageError)
            logger.warning(
                "%s: the watch can't read the log and goes on trying: %s",
                self.log.alias,
                error,
                exc_info=None if known else error,
            )

    def _let_go(self, waiter: Waiter | None) -> None:
        try:
            with gate.inside():
                if waiter is not None:
                    waiter.close()
                self.log.release()
        except Exception:
            logger.debug("%s: closing a broken connection failed", self.log.alias, exc_info=True)
