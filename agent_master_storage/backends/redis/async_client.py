"""The connections of event loops: as Server, but for the few things that cost time there.

redis-py's asynchronous pool takes a lock and tells its observers around each command, its
connection packs commands in Python and starts a task to send one; that is half of a round trip.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    closing,
    suppress,
)
from typing import Any, TypeAlias, TypeVar

import redis.asyncio
from redis import exceptions

from ...exceptions import StorageUnavailable
from .client import Address, check, place_of
from .connection import FAULTS, HEALTH_CHECK_INTERVAL, without_errors
from .errors import is_ahead
from .questions import Ask, Batch, Steps
from .retry import Attempt

T = TypeVar("T")
Over: TypeAlias = Callable[[Ask | Batch], Awaitable[Any]]


#: seconds that closing all connections of a loop may take
GOODBYE = 0.2


class AsyncServer:
    """Answers in event loops; each has connections of its own, because they belong to one."""

    def __init__(self, address: Address) -> None:
        self._address = address
        # What the one kind of connection knows, the other need not.
        check(Connections(address).made_by)
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
                return await connections.ask(question, attempt)
            except exceptions.NoScriptError as error:
                await self.ask(attempt.load(error))
            except FAULTS as error:
                await asyncio.sleep(attempt.pause_after(error))

    async def run(self, steps: Steps[T]) -> T:
        """See Server.run()."""
        over: Over | None = None
        go_on: Callable[[Any], Ask | Batch] = steps.send
        answer: Any = None
        with closing(steps):
            async with AsyncExitStack() as stack:
                while True:
                    try:
                        question = go_on(answer)
                    except StopIteration as done:
                        return done.value
                    try:
                        if over is None and isinstance(question, Ask):
                            answer = await self.ask(question)
                        else:
                            if over is None:
                                over = await stack.enter_async_context(self._over_one())
                            answer = await over(question)
                        go_on = steps.send
                    except StorageUnavailable as error:
                        answer, go_on = error, steps.throw

    def _over_one(self) -> AbstractAsyncContextManager[Over]:
        return self._connections().together()

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
        self.made_by = redis.asyncio.ConnectionPool.from_url(
            address.url,
            socket_timeout=None,
            health_check_interval=HEALTH_CHECK_INTERVAL,
            **address.options(),
        )
        self._timeout = address.timeout
        self._free: list[Any] = []
        self._room = asyncio.Semaphore(address.max_connections)
        self._end: AsyncGenerator[None] | None = None
        self.place = place_of(self.made_by.connection_kwargs)

    async def ask(self, question: Ask, attempt: Attempt) -> Any:
        attempt.sent = False
        return await self._in_time(self._ask(question.packed(), attempt))

    async def _ask(self, packed: bytes, attempt: Attempt) -> Any:
        async with self._room:
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
    async def together(self) -> AsyncIterator[Over]:
        """To ask over one connection; when anything goes wrong it is closed."""
        async with self._one() as connection:
            try:
                yield lambda question: self._ask_over(connection, question)
            except BaseException:
                await connection.disconnect(nowait=True)
                raise

    @asynccontextmanager
    async def _one(self) -> AsyncIterator[Any]:
        attempt = Attempt(self.place, Ask(("PING",)))
        await self._patiently(attempt, self._room.acquire)
        try:
            connection = await self._patiently(attempt, self._take)
            try:
                yield connection
            finally:
                self._free.append(connection)
        finally:
            self._room.release()

    async def _patiently(self, attempt: Attempt, act: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await self._in_time(act())
            except FAULTS as error:
                await asyncio.sleep(attempt.pause_after(error))

    async def _ask_over(self, connection: Any, question: Ask | Batch) -> Any:
        attempt = Attempt(self.place, question)
        while True:
            try:
                return await self._in_time(self._answer(connection, question))
            except exceptions.NoScriptError as error:
                await self._ask_over(connection, attempt.load(error))
            except FAULTS as error:
                if not is_ahead(error):
                    await connection.disconnect(nowait=True)
                await asyncio.sleep(attempt.pause_over_one(error))

    async def _answer(self, connection: Any, question: Ask | Batch) -> Any:
        if isinstance(question, Batch):
            await connection.send_packed_command(question.packed(), check_health=False)
            return without_errors([await connection.read_response() for _ in question.commands])
        await connection.send_packed_command(question.packed(), check_health=False)
        return await connection.read_response()

    async def _in_time(self, awaitable: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout):
                return await awaitable
        except TimeoutError as error:
            raise exceptions.TimeoutError(f"{self._timeout:g} seconds") from error

    async def _take(self) -> Any:
        if self._end is None:
            self._end = self._close_at_the_end()
            await anext(self._end)
        connection = self._free.pop() if self._free else self.made_by.make_connection()
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
        free, self._free = self._free, []
        # A server that hangs does not say goodbye, as TLS has it.
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE):
                goodbyes = (connection.disconnect() for connection in free)
                await asyncio.gather(*goodbyes, return_exceptions=True)

    async def _close_at_the_end(self) -> AsyncGenerator[None]:
        """A loop says before its end that it ends to generators that wait in it, and to none else.

        See ``loop.shutdown_asyncgens()``, which asyncio.run() and async_to_sync() call.
        """
        try:
            yield
        finally:
            self._end = None
            await self.close()

    def abandon(self) -> None:
        """close() for a loop that has run no more, without being told to end.

        Otherwise they would stay with the server until the garbage collector comes.
        """
        while self._free:
            writer = self._free.pop()._writer
            if writer is not None:
                with suppress(OSError):
                    writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
