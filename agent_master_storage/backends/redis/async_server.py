"""The connections of event loops: as Server, but for the few things that cost time there.

redis-py's asynchronous pool takes a lock and tells its observers around each command, its
connection packs commands in Python and starts a task to send one; that is half of a round trip.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any, TypeAlias, TypeVar

import hiredis
import redis.asyncio
from redis import exceptions

from .link import FAULTS, HEALTH_CHECK_INTERVAL, without_errors
from .server import Address, Ask, Attempt, Batch, Steps, place_of, refusal

T = TypeVar("T")
Together: TypeAlias = Callable[[Batch], Awaitable[list[Any]]]


class AsyncServer:
    """Answers in event loops; each has connections of its own, because they belong to one."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._reset()

    def _reset(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._by_loop: dict[asyncio.AbstractEventLoop, Connections] = {}

    async def ask(self, question: Ask) -> Any:
        """See Server.ask()."""
        connections = self._connections()
        attempt = Attempt(connections.place, question)
        while True:
            try:
                return await connections.ask(question.arguments, attempt)
            except exceptions.NoScriptError as error:
                await self.ask(attempt.load(error))
            except FAULTS as error:
                await asyncio.sleep(attempt.pause_after(error))

    async def run(self, steps: Steps[T]) -> T:
        """See Server.run()."""
        answer = None
        try:
            async with AsyncExitStack() as stack:
                together: Together | None = None
                while True:
                    try:
                        question = steps.send(answer)
                    except StopIteration as done:
                        return done.value
                    if isinstance(question, Ask):
                        answer = await self.ask(question)
                    else:
                        if together is None:
                            connections = self._connections()
                            together = await stack.enter_async_context(connections.together())
                        answer = await together(question)
        finally:
            steps.close()

    def _connections(self) -> Connections:
        loop = asyncio.get_running_loop()
        if self._process != os.getpid():
            self._reset()
        found = self._by_loop.get(loop)
        return self._add(loop) if found is None else found

    def _add(self, loop: asyncio.AbstractEventLoop) -> Connections:
        with self._lock:
            # They hold their loop, so that no weak reference would ever let go of it.
            for other in [other for other in self._by_loop if other.is_closed()]:
                self._by_loop.pop(other).abandon()
            return self._by_loop.setdefault(loop, Connections(self._address))

    def close(self) -> None:
        with self._lock:
            by_loop, self._by_loop = self._by_loop, {}
        for loop, connections in by_loop.items():
            if loop.is_running():
                asyncio.run_coroutine_threadsafe(connections.close(), loop)
            else:
                connections.abandon()


class Connections:
    """Those of one event loop, at most ``max_connections`` of them."""

    def __init__(self, address: Address) -> None:
        # It reads the URL and makes connections; they are kept here.
        self._made_by = redis.asyncio.ConnectionPool.from_url(
            address.url,
            socket_timeout=None,
            health_check_interval=HEALTH_CHECK_INTERVAL,
            **address.options(),
        )
        self._timeout = address.timeout
        self._free: list[Any] = []
        self._room = asyncio.Semaphore(address.max_connections)
        self.place = place_of(self._made_by.connection_kwargs)

    async def ask(self, arguments: tuple[Any, ...], attempt: Attempt) -> Any:
        attempt.sent = False
        packed = hiredis.pack_command(arguments)
        try:
            async with asyncio.timeout(self._timeout), self._room:
                return await self._ask(packed, attempt)
        except TimeoutError as error:
            raise exceptions.TimeoutError(f"{self._timeout:g} seconds") from error

    async def _ask(self, packed: bytes, attempt: Attempt) -> Any:
        connection = await self._take()
        try:
            await connection.check_health()
            attempt.sent = True
            await connection.send_packed_command(packed, check_health=False)
            return await connection.read_response()
        finally:
            # One that was cancelled, or broke, has disconnected itself and connects anew.
            self._free.append(connection)

    @asynccontextmanager
    async def together(self) -> AsyncIterator[Together]:
        """To put batches over one connection; when anything goes wrong it is closed."""
        async with self._one() as connection:
            try:
                yield lambda question: self._ask_together(question, connection)
            except BaseException:
                await connection.disconnect(nowait=True)
                raise

    @asynccontextmanager
    async def _one(self) -> AsyncIterator[Any]:
        question = Batch(())
        with self._refusing(question, sent=False):
            async with asyncio.timeout(self._timeout):
                await self._room.acquire()
        try:
            with self._refusing(question, sent=False):
                async with asyncio.timeout(self._timeout):
                    connection = await self._take()
            try:
                yield connection
            finally:
                self._free.append(connection)
        finally:
            self._room.release()

    async def _ask_together(self, question: Batch, connection: Any) -> list[Any]:
        with self._refusing(question):
            async with asyncio.timeout(self._timeout):
                await connection.send_packed_command(question.packed(), check_health=False)
                return without_errors([await connection.read_response() for _ in question.commands])

    @contextmanager
    def _refusing(self, question: Batch, sent: bool = True) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            silence = exceptions.TimeoutError(f"{self._timeout:g} seconds")
            raise refusal(self.place, question, silence, sent) from error
        except FAULTS as error:
            raise refusal(self.place, question, error, sent) from error

    async def _take(self) -> Any:
        connection = self._free.pop() if self._free else self._made_by.make_connection()
        reader = connection._reader
        if reader is not None and reader.at_eof():
            # The server has closed it meanwhile; to find out by sending would be too late.
            await connection.disconnect(nowait=True)
        if not connection.is_connected:
            try:
                await connection.connect()
            except BaseException:
                await connection.disconnect(nowait=True)
                raise
        return connection

    async def close(self) -> None:
        while self._free:
            await self._free.pop().disconnect()

    def abandon(self) -> None:
        """close() for a loop that runs no more, and so can close nothing itself.

        Otherwise they would stay with the server until the garbage collector comes.
        """
        while self._free:
            writer = self._free.pop()._writer
            if writer is not None:
                with suppress(OSError):
                    writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
