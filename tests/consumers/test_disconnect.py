"""The end of a socket: shutdown of the server, internal errors, disconnects."""

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
def received_signals() -> Iterator[list[int]]:
    """The signals that reached the handler of the server, which this fixture installs."""
    signals: list[int] = []
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda number, frame: signals.append(number))
    yield signals
    signal.signal(signal.SIGTERM, before)
    # The test process continues.
    shutdown._heard_at = -math.inf


async def test_server_shutdown_closes_sockets(memory: Any, received_signals: list[int]) -> None:
    sockets = [Socket() for _ in range(3)]
    for socket in sockets:
        assert await socket.connect()
        await socket.watch()
    signal.raise_signal(signal.SIGTERM)
    for socket in sockets:
        assert await socket.closed() == 1012
        await socket.communicator.disconnect(1012)
    # The server's handler is called too, once and after the sockets are closed.
    assert received_signals == []
    await sync_to_async(wait_for)(lambda: received_signals)
    assert received_signals == [signal.SIGTERM]
    assert memory.tail._subscriptions == {}


async def test_second_signal_is_passed_on_immediately(received_signals: list[int]) -> None:
    async with Socket():
        signal.raise_signal(signal.SIGTERM)
        assert received_signals == []
        signal.raise_signal(signal.SIGTERM)
        assert received_signals == [signal.SIGTERM]


async def test_server_shutdown_with_a_client_that_does_not_read(
    memory: Any, received_signals: list[int]
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


async def test_server_cancels_its_sockets(memory: Any) -> None:
    # daphne does this.
    socket = Socket()
    assert await socket.connect()
    await socket.watch()
    socket.communicator.future.cancel()
    assert await socket.closed() == 1012
    await asyncio.wait([socket.communicator.future], timeout=TIMEOUT)
    assert memory.tail._subscriptions == {}


async def test_rejected_socket_does_not_delay_shutdown(received_signals: list[int]) -> None:
    socket = Socket("unknown")
    assert await socket.connect()
    assert await socket.closed() == 4404
    signal.raise_signal(signal.SIGTERM)
    await socket.nothing()
    await socket.communicator.disconnect()


async def test_internal_error_closes_the_socket(
    memory: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # A socket that can no longer send must not stay open.

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
async def test_client_disconnects(memory: Any, while_watching: bool) -> None:
    threads = threading.active_count()
    for _ in range(3):
        async with Socket() as socket:
            if while_watching:
                await socket.watch("a", key="k")
                await socket.watch("b", snapshot=True, progress=0.1)
    assert memory.tail._subscriptions == {}
    assert shutdown._callbacks == {}
    assert asyncio.all_tasks() == {asyncio.current_task()}
    # Idle threads end after a while.
    await sync_to_async(wait_for)(lambda: threading.active_count() <= threads + 2)


async def test_client_disconnects_while_a_watch_is_opened(
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
    socket.communicator.future.cancel()
    await asyncio.wait([socket.communicator.future], timeout=TIMEOUT)
    go_on.set()
    await asyncio.sleep(A_WHILE)
    assert memory.tail._subscriptions == {}


@pytest.mark.parametrize("failure", [OSError("gone"), ConnectionResetError()])
async def test_connection_breaks_during_a_send(
    memory: Any, failure: OSError, caplog: pytest.LogCaptureFixture
) -> None:
    # Servers raise this since ASGI 2.4. It must not be logged.
    async with Socket() as socket:
        await socket.watch()

        async def gone(message: Any) -> None:
            raise failure

        socket.communicator.output_queue.put = gone  # type: ignore[method-assign]
        await memory.awrite("k", b"")
        await asyncio.sleep(A_WHILE)
    assert caplog.records == []


# Signal handlers without sockets


def test_callbacks_run_before_the_handler_of_the_server(received_signals: list[int]) -> None:
    order: list[Any] = []
    forget = shutdown.register(lambda: order.append(list(received_signals)))
    broken = shutdown.register(lambda: 1 // 0)
    signal.raise_signal(signal.SIGTERM)
    assert (order, received_signals) == ([[]], [signal.SIGTERM])
    forget()
    broken()
    forget()
    signal.raise_signal(signal.SIGTERM)
    assert (order, received_signals) == ([[]], [signal.SIGTERM] * 2)


def test_handler_that_the_server_installs_later(received_signals: list[int]) -> None:
    calls: list[str] = []
    first = shutdown.register(lambda: calls.append("ours"))
    signal.signal(signal.SIGTERM, lambda number, frame: calls.append("theirs"))
    second = shutdown.register(lambda: calls.append("ours"))
    signal.raise_signal(signal.SIGTERM)
    assert calls == ["ours", "ours", "theirs"]
    first()
    second()


def test_callback_registered_after_the_signal_is_called_immediately(
    received_signals: list[int],
) -> None:
    shutdown.listen()
    signal.raise_signal(signal.SIGTERM)
    calls: list[str] = []
    shutdown.register(lambda: calls.append("late"))()
    assert calls == ["late"]


def test_signal_that_did_not_end_the_process_is_forgotten(
    received_signals: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutdown, "LATE", 0.05)
    shutdown.listen()
    signal.raise_signal(signal.SIGTERM)
    time.sleep(0.1)
    calls: list[str] = []
    shutdown.register(lambda: calls.append("late"))()
    assert calls == []


def test_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    forget = shutdown.register(lambda: None)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    forget()
    signal.signal(signal.SIGTERM, before)


def test_other_threads_install_no_handler() -> None:
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    thread = threading.Thread(target=lambda: shutdown.register(lambda: None)())
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    signal.signal(signal.SIGTERM, before)
