"""The connections to the server, and how a question is put in a thread."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import redis
from redis import exceptions

from ...exceptions import StorageUnavailable
from .connection import FAULTS, Link
from .questions import Ask, Batch, Steps
from .retry import Attempt

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where the server is, and the limits of the connections to it."""

    url: str
    max_connections: int
    #: seconds: to connect, for an answer, for a free connection
    timeout: float

    def options(self) -> dict[str, Any]:
        """For a pool of redis-py, of either kind."""
        return {
            "max_connections": self.max_connections,
            "socket_connect_timeout": self.timeout,
            "client_name": "agent-master-storage",
            "protocol": 2,
        }


class Server:
    """Answers in threads. Safe to use from many, and after a fork."""

    def __init__(self, address: Address) -> None:
        # It reads the URL and makes connections; they are kept here, for its own keeping takes a
        # fifth of a round trip.
        self._made_by = redis.ConnectionPool.from_url(
            address.url, socket_timeout=address.timeout, **address.options()
        )
        check(self._made_by)
        self._address = address
        self.place = place_of(self._made_by.connection_kwargs)
        self._reset()

    def _reset(self) -> None:
        self._process = os.getpid()
        self._free: list[Link] = []
        # Those that may still be made, and who waits for one to come back.
        self._room = threading.Semaphore(self._address.max_connections)
        self._back = threading.Condition()
        self._waiting = 0

    @property
    def database(self) -> int:
        return int(self._made_by.connection_kwargs.get("db") or 0)

    def ask(self, question: Ask) -> Any:
        """The answer. StorageUnavailable when there is none."""
        attempt = link = None
        while True:
            try:
                link = self._take()
                answer = link.ask(question.packed())
            except BaseException as error:
                attempt = attempt or Attempt(self.place, question)
                self._failed(error, link, attempt)
                link = None
            else:
                self._give_back(link)
                return answer

    def _failed(self, error: BaseException, link: Link | None, attempt: Attempt) -> None:
        """Make way for another attempt, or raise."""
        # Nobody knows how much of it, so all that had a connection counts.
        attempt.sent = link is not None
        if link is not None and isinstance(error, exceptions.ResponseError):
            self._give_back(link)
        elif link is not None:
            self._lose(link)
        if isinstance(error, exceptions.NoScriptError):
            self.ask(attempt.load(error))
        elif isinstance(error, FAULTS):
            time.sleep(attempt.pause_after(error))
        else:
            raise error

    def _take(self) -> Link:
        """A connection that works, as far as can be known before anything is sent."""
        if self._process != os.getpid():
            # The parent's connections are left to it.
            self._reset()
        while True:
            try:
                link = self._free.pop()
            except IndexError:
                link = self._make() if self._room.acquire(blocking=False) else self._wait()
            if link.works():
                return link
            self._lose(link)

    def _make(self) -> Link:
        try:
            return Link(self.connect(protocol=2))
        except BaseException:
            self._room.release()
            raise

    def _wait(self) -> Link:
        deadline = time.monotonic() + self._address.timeout
        with self._back:
            self._waiting += 1
            try:
                while time.monotonic() < deadline:
                    with contextlib.suppress(IndexError):
                        return self._free.pop()
                    if self._room.acquire(blocking=False):
                        return self._make()
                    # Not for long: who came back before we waited has told nobody.
                    self._back.wait(0.01)
            finally:
                self._waiting -= 1
        raise exceptions.TimeoutError("all of max_connections are busy")

    def _give_back(self, link: Link) -> None:
        self._free.append(link)
        if self._waiting:
            with self._back:
                self._back.notify()

    def _lose(self, link: Link) -> None:
        self._room.release()
        link.close()

    def run(self, steps: Steps[T]) -> T:
        """Answer all that ``steps`` asks; its result. It may catch StorageUnavailable."""
        link: Link | None = None
        go_on: Callable[[Any], Ask | Batch] = steps.send
        answer: Any = None
        try:
            while True:
                question = go_on(answer)
                try:
                    if link is None and isinstance(question, Ask):
                        answer = self.ask(question)
                    else:
                        link = link or self._take_patiently()
                        answer = self._ask_over(link, question)
                    go_on = steps.send
                except StorageUnavailable as error:
                    if link is not None:
                        self._lose(link)
                        link = None
                    answer, go_on = error, steps.throw
        except StopIteration as done:
            if link is not None:
                self._give_back(link)
                link = None
            return done.value
        finally:
            steps.close()
            if link is not None:
                # It may still have a WATCH on it, or half of an answer.
                self._lose(link)

    def _take_patiently(self) -> Link:
        attempt = Attempt(self.place, Ask(("PING",)))
        while True:
            try:
                return self._take()
            except FAULTS as error:
                time.sleep(attempt.pause_after(error))

    def _ask_over(self, link: Link, question: Ask | Batch) -> Any:
        attempt = Attempt(self.place, question)
        while True:
            try:
                if isinstance(question, Batch):
                    return link.ask_together(question.packed(), len(question.commands))
                return link.ask(question.packed())
            except exceptions.NoScriptError as error:
                self._ask_over(link, attempt.load(error))
            except FAULTS as error:
                time.sleep(attempt.pause_over_one(error))

    def connect(self, protocol: int) -> redis.Connection:
        """A connection of one's own, for waiting on."""
        options = {**self._made_by.connection_kwargs, "protocol": protocol}
        connection = self._made_by.connection_class(**options)
        connection.connect()
        return connection

    def close(self) -> None:
        """Disconnect those that nobody uses at the moment."""
        with contextlib.suppress(IndexError):
            while True:
                self._lose(self._free.pop())


def check(pool: Any) -> None:
    """Refuse what the url of a pool, of either kind, can't mean; connects nothing."""
    if pool.connection_kwargs.get("decode_responses"):
        raise ValueError("decode_responses would turn values into text")
    pool.connection_class(**pool.connection_kwargs)


def place_of(options: dict[str, Any]) -> str:
    """Where it is, for messages: without the password."""
    where = options.get("path") or f"{options.get('host')}:{options.get('port', 6379)}"
    return f"{where}/{options.get('db') or 0}"
