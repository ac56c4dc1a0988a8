"""The connections to the server: how a question is put, and when it may be put again.

A read is tried again with backoff when the connection broke. A write is not, once it was sent:
whether it was done is not known then, and doing it twice would be two revisions.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import hiredis
import redis
from redis import exceptions

from ...exceptions import StorageUnavailable
from .errors import is_ahead, is_untrusted, is_wrong_type, unavailable, wrong_type
from .link import FAULTS, Link
from .scripts import BY_SHA

T = TypeVar("T")

#: attempts at what may be tried again, and seconds before the second; doubled for each more
ATTEMPTS = 4
PAUSE = 0.05
#: seconds between two looks whether a large commit is made, which others wait for
WAIT = 0.005
MOST_WAITS = 1000


class Ask(NamedTuple):
    """A command, and whether asking twice does no harm."""

    arguments: tuple[Any, ...]
    again: bool = True


class Batch(NamedTuple):
    """Commands that are sent together; the answer is a list of theirs.

    From the first batch of the same steps on, all that they ask goes over one connection, which
    nobody else uses meanwhile: so that WATCH holds. Nothing is asked twice then: it would not.
    """

    commands: Sequence[tuple[Any, ...]]
    #: False: something may have been written when no answer comes
    again: bool = True

    def packed(self) -> bytes:
        return b"".join([hiredis.pack_command(command) for command in self.commands])


#: yields what it asks, is sent the answers, returns the result
Steps = Generator[Ask | Batch, Any, T]


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
        if self._made_by.connection_kwargs.get("decode_responses"):
            raise ValueError("decode_responses would turn values into text")
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
        attempt = Attempt(self.place, question)
        while True:
            try:
                return self._ask_once(question.arguments, attempt)
            except exceptions.NoScriptError as error:
                self.ask(attempt.load(error))
            except FAULTS as error:
                time.sleep(attempt.pause_after(error))

    def _ask_once(self, arguments: tuple[Any, ...], attempt: Attempt) -> Any:
        attempt.sent = False
        link = self._take()
        try:
            packed = hiredis.pack_command(arguments)
            attempt.sent = True
            answer = link.ask(packed)
        except exceptions.ResponseError:
            self._give_back(link)
            raise
        except BaseException:
            self._lose(link)
            raise
        self._give_back(link)
        return answer

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
                return link.ask(hiredis.pack_command(question.arguments))
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


class Attempt:
    """Counts the attempts at one question, and says when to give up."""

    __slots__ = ("_failures", "_loaded", "_place", "_question", "_waits", "sent")

    def __init__(self, place: str, question: Ask | Batch) -> None:
        self._place = place
        self._question = question
        self._failures = self._loaded = self._waits = 0
        self.sent = False

    def pause_after(self, error: Exception) -> float:
        """Seconds until the next attempt; raises StorageUnavailable when there is to be none."""
        if is_ahead(error) and self._waits < MOST_WAITS:
            self._waits += 1
            return WAIT * random.uniform(0.5, 1)
        self._failures += 1
        if is_wrong_type(error):
            raise wrong_type(self._name()) from error
        unknown = self.sent and not self._question.again and _is_silence(error)
        if unknown or not _may_pass(error) or self._failures >= ATTEMPTS:
            raise self._refusal(error, unknown) from error
        return PAUSE * 2**self._failures * random.uniform(0.5, 1)

    def pause_over_one(self, error: Exception) -> float:
        """The same for a connection that can't be had anew: nothing but a large commit passes."""
        self.sent = True
        if not is_ahead(error):
            self._failures = ATTEMPTS
        return self.pause_after(error)

    def load(self, error: Exception) -> Ask:
        """The server does not know the script: it is new, restarted, or was told to forget."""
        # Not counted with the failures: a server that has come back knows no script.
        self._loaded += 1
        if self._loaded >= ATTEMPTS:
            raise self._refusal(error, False) from error
        return Ask(("SCRIPT", "LOAD", BY_SHA[self._name()]))

    def _name(self) -> bytes:
        """What the first word of the question is about."""
        question = self._question
        words = question.arguments if isinstance(question, Ask) else question.commands[0]
        name: bytes = words[1]
        return name

    def _refusal(self, error: Exception, unknown: bool) -> StorageUnavailable:
        return unavailable(self._place, error, unknown)


def _is_silence(error: Exception) -> bool:
    """No answer came, as against one that says no."""
    if isinstance(error, exceptions.AuthenticationError | exceptions.BusyLoadingError):
        return False
    silence = (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.InvalidResponse)
    return isinstance(error, (*silence, OSError))


def _may_pass(error: Exception) -> bool:
    """Whether it is worth another attempt: not after a time limit, which was the patience."""
    if isinstance(error, exceptions.AuthenticationError | exceptions.TimeoutError):
        return False
    return isinstance(error, exceptions.ConnectionError | OSError) and not is_untrusted(error)


def place_of(options: dict[str, Any]) -> str:
    """Where it is, for messages: without the password."""
    where = options.get("path") or f"{options.get('host')}:{options.get('port', 6379)}"
    return f"{where}/{options.get('db') or 0}"
