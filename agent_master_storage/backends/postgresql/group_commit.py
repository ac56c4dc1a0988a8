"""Group commit: writers who come while one commits wait, and are committed together.

A commit costs a round trip and a flush of the disk, however much is in it. While one is on its
way, those who come meanwhile queue; then one thread takes all that waits and commits it as one
transaction of the database. Each has a revision of its own, or a refusal of its own. A writer
who is alone commits by himself, in his own thread, and pays nothing for it.

One thread serves the others, instead of each in turn: it keeps to one connection, however many
writers there are.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from ...exceptions import StorageUnavailable
from ...forks import gate, reset_in_child
from ...types import Operation, Write

#: seconds after which the thread ends when nothing comes, and its connection with it
LINGER = 1.0
#: commits of a single writer in a row after which the thread leaves him to himself
ALONE = 50

#: of the time that the last commit took, how long the next waits for those whom the last has let
#: go: they are back in a moment, and cost less together. PostgreSQL's ``commit_delay``.
DELAY = 0.05

#: operations, and bytes of their values, that are committed together; one commit is never cut
MAX_OPERATIONS = 500
MAX_BYTES = 4 * 1024 * 1024


class Ticket:
    """A commit to be made, and then what became of it."""

    __slots__ = ("actor", "brief", "error", "operations", "rows")

    def __init__(self, operations: Sequence[Operation], actor: str, brief: bool = False) -> None:
        self.operations = operations
        self.actor = actor
        #: of its rows, nothing but the number and the revision is asked for
        self.brief = brief
        self.rows: list[Any] = []
        self.error: BaseException | None = None

    @property
    def size(self) -> int:
        return sum(len(o.data) for o in self.operations if isinstance(o, Write))

    def result(self) -> list[Any]:
        """The rows that the commit gave; raises its error."""
        if self.error is not None:
            raise self.error
        return self.rows


class ThreadTicket(Ticket):
    """One that a thread may wait for."""

    __slots__ = ("_done",)

    def __init__(self, operations: Sequence[Operation], actor: str, brief: bool = False) -> None:
        super().__init__(operations, actor, brief)
        # A lock is the cheapest thing that one thread can wait for and another let go.
        self._done = threading.Lock()
        self._done.acquire()

    def wait(self) -> list[Any]:
        """See result()."""
        self._done.acquire()
        return self.result()

    def settle(self) -> None:
        self._done.release()


class AsyncTicket(Ticket):
    """One that a task of an event loop waits for; it holds no thread."""

    __slots__ = ("future", "loop")

    def __init__(self, operations: Sequence[Operation], actor: str, brief: bool = False) -> None:
        super().__init__(operations, actor, brief)
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[None] = self.loop.create_future()


Waiting = ThreadTicket | AsyncTicket


class GroupCommit:
    """The queue of a storage's writers, and the thread that serves it while it is needed.

    ``commit(tickets)`` gives each of them its rows or its error, and raises nothing.
    ``release()`` is called at the thread's end.
    """

    def __init__(
        self, commit: Callable[[list[Waiting]], None], release: Callable[[], None], name: str
    ) -> None:
        self._commit = commit
        self._release = release
        self._name = name
        self.reset_after_fork()
        reset_in_child(self)

    def reset_after_fork(self) -> None:
        """Start over with an empty queue: the child has no thread that serves it."""
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._someone = threading.Lock()
        self._opener: threading.Thread | None = None

    def begin_alone(self, connected: bool) -> bool:
        """Whether the caller may commit by himself; then he must call end_alone().

        One who has no connection yet opens one only if no other thread has done so here.
        """
        if self._thread is not None or not (connected or self._may_connect()):
            return False
        return self._someone.acquire(blocking=False)

    def _may_connect(self) -> bool:
        current = threading.current_thread()
        with self._lock:
            if self._opener is None or not self._opener.is_alive():
                self._opener = current
            return self._opener is current

    def end_alone(self) -> None:
        self._someone.release()

    def submit(self, ticket: Waiting) -> None:
        """Have it committed with the others; ``ticket.wait()`` or its future tell when."""
        self._queue.put(ticket)
        if self._thread is None:
            try:
                self._start()
            except RuntimeError as error:
                self._refuse(error)

    def close(self) -> None:
        """Commit what waits, and end the thread."""
        thread = self._thread
        if thread is not None:
            self._queue.put(None)
            if thread is not threading.current_thread():
                thread.join(timeout=2)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(
                    target=self._run, name=f"agent-master-storage-commit-{self._name}", daemon=True
                )
                # It may fail, and must then be tried by the next who comes.
                thread.start()
                self._thread = thread

    def _refuse(self, error: RuntimeError) -> None:
        """No thread, as at the exit: nobody waits for what will not be done, or be done later."""
        refused: list[Waiting] = []
        with suppress(queue.Empty):
            while True:
                ticket = self._queue.get_nowait()
                if ticket is not None:
                    ticket.error = StorageUnavailable(f"nothing was written: {error}")
                    refused.append(ticket)
        _settle(refused)

    # The thread

    def _run(self) -> None:
        try:
            while True:
                self._serve()
                with self._lock:
                    # Who comes from here on starts another.
                    self._thread = None
                    if self._queue.empty():
                        return
                    self._thread = threading.current_thread()
        finally:
            self._release()

    def _serve(self) -> None:
        """Commit until nothing more comes, or one writer alone."""
        alone, delay = 0, 0.0
        held: Waiting | None = None
        while alone < ALONE:
            try:
                first = held or self._queue.get(timeout=LINGER)
            except queue.Empty:
                return
            if first is None:
                return
            if delay:
                time.sleep(delay)
            tickets, held = self._take(first)
            began = time.monotonic()
            with gate.inside():
                self._commit(tickets)
            _settle(tickets)
            # Tasks come back together by themselves, and can't write without this thread.
            threads = not isinstance(first, AsyncTicket)
            several = len(tickets) > 1 or held is not None
            delay = DELAY * (time.monotonic() - began) if threads and several else 0.0
            alone = alone + 1 if threads and not several else 0

    def _take(self, first: Waiting) -> tuple[list[Waiting], Waiting | None]:
        """What waits and may be committed together, and the one for whom there was no room."""
        tickets: list[Waiting] = [first]
        operations, size = len(first.operations), first.size
        while True:
            try:
                ticket = self._queue.get_nowait()
            except queue.Empty:
                return tickets, None
            if ticket is None:
                # close(): when the rest is done, in the next round.
                self._queue.put(None)
                return tickets, None
            operations += len(ticket.operations)
            size += ticket.size
            if operations > MAX_OPERATIONS or size > MAX_BYTES:
                return tickets, ticket
            tickets.append(ticket)


def _settle(tickets: list[Waiting]) -> None:
    """Tell the writers; those of one event loop together, as waking a loop is a system call."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[AsyncTicket]] = defaultdict(list)
    for ticket in tickets:
        if isinstance(ticket, AsyncTicket):
            by_loop[ticket.loop].append(ticket)
        else:
            ticket.settle()
    for loop, members in by_loop.items():
        try:
            loop.call_soon_threadsafe(_finish, members)
        except RuntimeError:
            # The loop was closed under them, as at the end of asyncio.run().
            continue


def _finish(tickets: list[AsyncTicket]) -> None:
    for ticket in tickets:
        # Not one whose task was cancelled meanwhile.
        if not ticket.future.done():
            ticket.future.set_result(None)
