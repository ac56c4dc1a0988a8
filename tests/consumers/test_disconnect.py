"""How a socket ends: the server stops, something breaks, the client goes."""

from __future__ import annotations

import asyncio
import math
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agent_master_storage import shutdown
from agent_master_storage.consumers.outbox import Outbox
from agent_master_storage.testing.base import TIMEOUT, wait_for

from .client import A_WHILE, Socket


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """The signals that came to the handler of the server, which is ours here."""
    signals: list[int] = []
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda number, frame: signals.append(number))
    yield signals
    signal.signal(signal.SIGTERM, before)
    # This process goes on.
    shutdown._heard_at = -math.inf


async def test_the_server_stops(memory: Any, heard: list[int]) -> None:
    sockets = [Socket() for _ in range(3)]
    for socket in sockets:
        assert await socket.connect()
        await socket.watch()
    signal.raise_signal(signal.SIGTERM)
    for socket in sockets:
        assert await socket.closed() == 1012
        await socket.line.disconnect(1012)
    # The server hears of it too, once, and not before the sockets.
    assert heard == []
    await sync_to_async(wait_for)(lambda: heard)
    assert heard == [signal.SIGTERM]
    assert memory.tail._subscriptions == {}


async def test_somebody_is_impatient(heard: list[int]) -> None:
    async with Socket():
        signal.raise_signal(signal.SIGTERM)
        assert heard == []
        signal.raise_signal(signal.SIGTERM)
        assert heard == [signal.SIGTERM]


async def test_the_server_stops_under_a_client_that_does_not_read(
    memory: Any, heard: list[int]
) -> None:
    async with Socket(backlog=1) as socket:
        await socket.watch()
        for _ in range(5):
            await memory.awrite("k", b"")
            await asyncio.sleep(0.01)
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(A_WHILE)
        while (message := await socket.message())["type"] == "websocket.send":
            assert '"revision":5' not in message["text"]
        assert message["code"] == 1012


async def test_the_server_cancels_its_sockets(memory: Any) -> None:
    """As daphne does."""
    socket = Socket()
    assert await socket.connect()
    await socket.watch()
    socket.line.future.cancel()
    assert await socket.closed() == 1012
    await asyncio.wait([socket.line.future], timeout=TIMEOUT)
    assert memory.tail._subscriptions == {}


async def test_a_socket_that_was_refused_says_no_goodbye(heard: list[int]) -> None:
    socket = Socket("unknown")
    assert await socket.connect()
    assert await socket.closed() == 4404
    signal.raise_signal(signal.SIGTERM)
    await socket.nothing()
    await socket.line.disconnect()


async def test_something_breaks(
    memory: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A socket that can't send any more must not look as if nothing happened."""

    async def fail(self: Outbox, watch: Any) -> None:
        raise ZeroDivisionError("as the test wants it")

    async with Socket() as socket:
        await socket.watch()
        monkeypatch.setattr(Outbox, "_serve", fail)
        await memory.awrite("k", b"")
        assert await socket.closed() == 1011
        assert memory.tail._subscriptions == {}
    assert "as the test wants it" in caplog.text


@pytest.mark.parametrize("while_watching", [True, False])
async def test_the_client_goes(memory: Any, while_watching: bool) -> None:
    threads = threading.active_count()
    for _ in range(3):
        async with Socket() as socket:
            if while_watching:
                await socket.watch("a", key="k")
                await socket.watch("b", snapshot=True, progress=0.1)
    assert memory.tail._subscriptions == {}
    assert shutdown._callbacks == {}
    assert asyncio.all_tasks() == {asyncio.current_task()}
    # Threads that have nothing more to do end in their own time.
    await sync_to_async(wait_for)(lambda: threading.active_count() <= threads + 2)


async def test_the_client_goes_while_its_watch_is_opened(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe, go_on = memory.subscribe, threading.Event()

    def slow(**kwargs: Any) -> Any:
        go_on.wait(TIMEOUT)
        return subscribe(**kwargs)

    monkeypatch.setattr(memory, "subscribe", slow)
    socket = Socket()
    assert await socket.connect()
    await socket.send(op="watch", id="a", key="k")
    await asyncio.sleep(A_WHILE)
    socket.line.future.cancel()
    await asyncio.wait([socket.line.future], timeout=TIMEOUT)
    go_on.set()
    await asyncio.sleep(A_WHILE)
    assert memory.tail._subscriptions == {}


@pytest.mark.parametrize("failure", [OSError("gone"), ConnectionResetError()])
async def test_the_connection_breaks_while_something_is_sent(
    memory: Any, failure: OSError, caplog: pytest.LogCaptureFixture
) -> None:
    """Servers say it so since ASGI 2.4. It is nothing to log."""
    async with Socket() as socket:
        await socket.watch()

        async def gone(message: Any) -> None:
            raise failure

        socket.line.output_queue.put = gone  # type: ignore[method-assign]
        await memory.awrite("k", b"")
        await asyncio.sleep(A_WHILE)
    assert caplog.records == []


# The signals, without sockets


def test_callbacks_come_before_the_servers_handler(heard: list[int]) -> None:
    order: list[Any] = []
    forget = shutdown.register(lambda: order.append(list(heard)))
    broken = shutdown.register(lambda: 1 // 0)
    signal.raise_signal(signal.SIGTERM)
    assert (order, heard) == ([[]], [signal.SIGTERM])
    forget()
    broken()
    forget()
    signal.raise_signal(signal.SIGTERM)
    assert (order, heard) == ([[]], [signal.SIGTERM] * 2)


def test_a_server_that_sets_its_handler_later(heard: list[int]) -> None:
    calls: list[str] = []
    first = shutdown.register(lambda: calls.append("ours"))
    signal.signal(signal.SIGTERM, lambda number, frame: calls.append("theirs"))
    second = shutdown.register(lambda: calls.append("ours"))
    signal.raise_signal(signal.SIGTERM)
    assert calls == ["ours", "ours", "theirs"]
    first()
    second()


def test_who_comes_after_the_signal_is_told_at_once(heard: list[int]) -> None:
    shutdown.listen()
    signal.raise_signal(signal.SIGTERM)
    calls: list[str] = []
    shutdown.register(lambda: calls.append("late"))()
    assert calls == ["late"]


def test_one_that_did_not_end_the_process_is_forgotten(
    heard: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutdown, "LATE", 0.05)
    shutdown.listen()
    signal.raise_signal(signal.SIGTERM)
    time.sleep(0.1)
    calls: list[str] = []
    shutdown.register(lambda: calls.append("late"))()
    assert calls == []


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    forget = shutdown.register(lambda: None)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    forget()
    signal.signal(signal.SIGTERM, before)


def test_another_thread_sets_nothing() -> None:
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    thread = threading.Thread(target=lambda: shutdown.register(lambda: None)())
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    signal.signal(signal.SIGTERM, before)
