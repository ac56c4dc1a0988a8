"""Wake-ups between processes by the Channels layer, where the store itself cannot notify.

They say "look again" and nothing else. The layer may drop them, repeat them or be down: the
tails poll behind it. One thread a process, with a loop of its own, does the talking, so that
a write never waits for it.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import threading
from concurrent.futures import Future
from typing import Any

from channels.layers import InMemoryChannelLayer, get_channel_layer

from ..forks import reset_in_child

logger = logging.getLogger("agent_master_storage.watch")

MESSAGE = {"type": "agent_master_storage.look_again"}

#: seconds between joining the groups anew: a layer forgets members after a while, or restarts
REJOIN_INTERVAL = 60.0
#: seconds that the exit waits for wake-ups not yet sent
FLUSH_TIMEOUT = 3.0


class Courier:
    """Sends and receives wake-ups for the groups of this process."""

    def __init__(self) -> None:
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        """Start over without the loop of the parent's thread."""
        self._lock = threading.Lock()
        self._listeners: dict[str, set[threading.Event]] = {}
        self._receiving: dict[str, Future[None]] = {}
        self._unsent: set[str] = set()
        # Of which a message is on its way: what comes meanwhile makes one more.
        self._sending: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sent = threading.Event()
        self._sent.set()
        self._quiet = False

    def send(self, group: str) -> None:
        """Tell the other processes; returns at once. Many in a row become one message."""
        if not self._layer_reaches_others():
            return
        with self._lock:
            try:
                loop = self._running_loop()
            except RuntimeError as error:
                # Who calls has written: that is not to be taken for a failure.
                self._complain("sending", error)
                return
            first = group not in self._sending
            self._sending.add(group)
            self._unsent.add(group)
            self._sent.clear()
        if first:
            asyncio.run_coroutine_threadsafe(self._send(group), loop)

    def listen(self, group: str, wake: threading.Event) -> None:
        """Set ``wake`` at each message to ``group``, until ignore() is called."""
        if not self._layer_reaches_others():
            return
        with self._lock:
            self._listeners.setdefault(group, set()).add(wake)
            if group not in self._receiving:
                self._receiving[group] = asyncio.run_coroutine_threadsafe(
                    self._receive(group), self._running_loop()
                )

    def ignore(self, group: str, wake: threading.Event) -> None:
        with self._lock:
            listeners = self._listeners.get(group, set())
            listeners.discard(wake)
            if not listeners and group in self._receiving:
                # The next to listen may find another layer configured.
                del self._listeners[group]
                self._receiving.pop(group).cancel()

    def flush(self) -> None:
        """Wait, a moment, until all wake-ups are sent."""
        self._sent.wait(FLUSH_TIMEOUT)

    @staticmethod
    def _layer_reaches_others() -> bool:
        layer = get_channel_layer()
        return layer is not None and not isinstance(layer, InMemoryChannelLayer)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            loop = asyncio.new_event_loop()
            thread = threading.Thread(
                target=loop.run_forever, name="agent-master-storage-courier", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:
                loop.close()
                raise
            # Not before it runs: nothing would be sent, nor waited for, on one that never does.
            self._loop = loop
        return self._loop

    async def _send(self, group: str) -> None:
        while self._is_to_be_told(group):
            try:
                await _layer().group_send(group, MESSAGE)
                self._quiet = False
            except Exception as error:
                self._complain("sending", error)

    def _is_to_be_told(self, group: str) -> bool:
        with self._lock:
            if group in self._unsent:
                self._unsent.remove(group)
                return True
            self._sending.remove(group)
            if not self._sending:
                self._sent.set()
            return False

    async def _receive(self, group: str) -> None:
        while True:
            try:
                await self._receive_once(group)
            except TimeoutError:
                self._quiet = False
            except Exception as error:
                self._complain("receiving", error)
                await asyncio.sleep(1)

    async def _receive_once(self, group: str) -> None:
        layer = _layer()
        channel = await layer.new_channel()
        await layer.group_add(group, channel)
        try:
            self._quiet = False
            # What came before we had joined would not have been told to us.
            self._wake(group)
            async with asyncio.timeout(REJOIN_INTERVAL):
                while True:
                    await layer.receive(channel)
                    self._wake(group)
        finally:
            await layer.group_discard(group, channel)

    def _wake(self, group: str) -> None:
        with self._lock:
            for wake in self._listeners.get(group, ()):
                wake.set()

    def _complain(self, doing: str, error: Exception) -> None:
        if not self._quiet:
            self._quiet = True
            logger.warning(
                "%s wake-ups by the channel layer failed, polling goes on: %r",
                doing,
                error,
            )


def _layer() -> Any:
    return get_channel_layer()


courier = Courier()
atexit.register(courier.flush)
reset_in_child(courier)
