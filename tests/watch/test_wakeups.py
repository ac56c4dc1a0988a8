"""Wake-ups between processes by the Channels layer, and what happens without them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from channels.layers import get_channel_layer

from agent_master_storage import storages
from agent_master_storage.backends.database import polling
from agent_master_storage.backends.database.polling import PollingWaiter
from agent_master_storage.backends.database.storage import DatabaseStorage
from agent_master_storage.testing import Recorder, take, wait_for
from agent_master_storage.testing.base import TIMEOUT
from agent_master_storage.watch.channel_layer import MESSAGE, courier

from ..support.children import child
from ..support.servers import free_port

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])

REDIS_LAYERS = [
    "channels_redis.core.RedisChannelLayer",
    "channels_redis.pubsub.RedisPubSubChannelLayer",
]


@pytest.fixture(params=REDIS_LAYERS, ids=["core", "pubsub"])
def layers(request: pytest.FixtureRequest, redis_url: str, settings: Any) -> Any:
    """Each of the two layers of channels_redis, configured here."""
    layer = {"BACKEND": request.param, "CONFIG": {"hosts": [redis_url]}}
    settings.CHANNEL_LAYERS = {"default": layer}
    return settings.CHANNEL_LAYERS


@pytest.fixture
def hardly_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polling so slow that a change which comes was announced."""
    monkeypatch.setattr(polling, "INTERVALS", (10 * TIMEOUT, 10 * TIMEOUT))


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The groups that wake-ups came for, in this process."""
    groups: list[str] = []
    wake = courier._wake
    monkeypatch.setattr(courier, "_wake", lambda group: (groups.append(group), wake(group)))
    return groups


def another(storage: DatabaseStorage) -> DatabaseStorage:
    """What another process would have."""
    return DatabaseStorage(alias="another", using=storage.using)


def uses_the_layer(storage: Any) -> bool:
    waiter = storage.waiter(storage.tail._wake)
    waiter.close()
    return isinstance(waiter, PollingWaiter)


@pytest.mark.usefixtures("hardly_polling")
def test_a_layer_carries_wake_ups(layers: Any, received: list[str]) -> None:
    storage = storages["postgres"]
    assert uses_the_layer(storage)
    writer, seen = another(storage), Recorder()
    storage.watch("k", seen)
    wait_for(lambda: received, "joining the group")
    for value in (b"one", b"two", b"three"):
        writer.write("k", value)
        seen.wait_until(value)
    assert seen.values == [b"one", b"two", b"three"]
    assert set(received) == {storage.channel_group}


@pytest.mark.usefixtures("hardly_polling")
def test_a_layer_carries_wake_ups_from_another_process(layers: Any, received: list[str]) -> None:
    storage, seen = storages["postgres"], Recorder()
    storage.watch("k", seen)
    wait_for(lambda: received, "joining the group")
    with child("tests.watch.write", "postgres", "one", "two", layers=layers) as script:
        # It ends at once; its last wake-up is sent nevertheless.
        script.finish()
        assert seen.wait(2) == [b"one", b"two"]


@pytest.mark.usefixtures("hardly_polling")
def test_a_layer_is_joined_again_after_another_was_configured(
    layers: Any, redis_url: str, settings: Any, received: list[str]
) -> None:
    for backend in (*REDIS_LAYERS, *REDIS_LAYERS):
        settings.CHANNEL_LAYERS = {
            "default": {"BACKEND": backend, "CONFIG": {"hosts": [redis_url]}}
        }
        received.clear()
        storage, seen = storages["postgres"], Recorder()
        unsubscribe = storage.watch("k", seen)
        wait_for(lambda: received, "joining the group")
        another(storage).write("k", b"value")
        assert seen.wait(1) == [b"value"]
        unsubscribe()


def test_foreign_messages_and_repeated_wake_ups_cost_nothing_but_a_look(layers: Any) -> None:
    storage, seen = storages["postgres"], Recorder()
    storage.watch("k", seen)
    for number in range(50):
        courier.send(storage.channel_group)
        storage.tail.wake()
        if number % 10 == 0:
            storage.write("k", b"%d" % number)
    storage.write("k", b"end")
    assert seen.wait_until(b"end") == [b"0", b"10", b"20", b"30", b"40", b"end"]


def check_all_comes_only_later(watcher: Any, writer: Any) -> None:
    seen = Recorder()
    watcher.watch("k", seen)
    values = [b"%d" % number for number in range(30)]
    with watcher.changes() as changes:
        for value in values:
            writer.write("k", value)
        assert len(take(changes, len(values))) == len(values)
    assert seen.wait(len(values)) == values


@pytest.mark.parametrize("backend", [*REDIS_LAYERS, "channels.layers.InMemoryChannelLayer", None])
def test_every_wake_up_dropped(
    backend: str | None, redis_url: str, settings: Any, monkeypatch: pytest.MonkeyPatch,
    database: Any,
) -> None:  # fmt: skip
    """All is delivered by the polling that stands behind each layer, and behind none."""
    config = {"hosts": [redis_url]} if backend in REDIS_LAYERS else {}
    layers = {"default": {"BACKEND": backend, "CONFIG": config}} if backend else {}
    settings.CHANNEL_LAYERS = layers
    watcher = storages[database.alias]
    monkeypatch.setattr(courier, "send", lambda group: None)
    monkeypatch.setattr(watcher.tail, "wake", lambda: None)
    check_all_comes_only_later(watcher, another(watcher))
    check_all_comes_only_later(watcher, watcher)


def test_a_layer_that_drops_what_it_is_given(layers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def drop(group: str, message: object) -> None:
        dropped.append(message)

    dropped: list[object] = []
    monkeypatch.setattr(get_channel_layer(), "group_send", drop)
    watcher = storages["postgres"]
    check_all_comes_only_later(watcher, another(watcher))
    assert dropped[0] == MESSAGE


def test_a_layer_that_is_down(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    address = f"redis://127.0.0.1:{free_port()}/0"
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": REDIS_LAYERS[0], "CONFIG": {"hosts": [address]}}
    }
    watcher = storages["postgres"]
    check_all_comes_only_later(watcher, another(watcher))
    assert "polling goes on" in caplog.text
    assert caplog.text.count("polling goes on") == 1


def test_a_write_does_not_wait_for_the_layer(layers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many writes while a message is on its way become one message more."""
    sent: list[float] = []

    async def slow(group: str, message: object) -> None:
        await asyncio.sleep(0.2)
        sent.append(time.monotonic())

    monkeypatch.setattr(get_channel_layer(), "group_send", slow)
    storage = storages["postgres"]
    for number in range(50):
        storage.write("k", b"%d" % number)
    courier.flush()
    assert 1 <= len(sent) < 50


def test_none_is_left_when_all_are_flushed(layers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of one is not the end of another that is on its way."""
    seconds, sent = iter((0.05, 0.3)), []

    async def slow(group: str, message: object) -> None:
        await asyncio.sleep(next(seconds))
        sent.append(group)

    monkeypatch.setattr(get_channel_layer(), "group_send", slow)
    courier.flush()
    courier.send("one")
    courier.send("other")
    wait_for(lambda: sent)
    courier.flush()
    assert len(sent) == 2


def test_the_in_memory_layer_reaches_nobody_and_is_not_asked(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

    def fail(*args: object) -> Callable[..., None]:
        raise AssertionError("the layer was asked")

    monkeypatch.setattr(get_channel_layer(), "group_send", fail)
    monkeypatch.setattr(get_channel_layer(), "group_add", fail)
    watcher = storages["postgres"]
    check_all_comes_only_later(watcher, watcher)


def test_polling_is_quick_while_there_are_changes() -> None:
    """Also where no wake-up ever comes."""
    intervals: list[float] = []
    revision = 0

    class Wake(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            assert timeout is not None
            intervals.append(timeout)
            return False

    waiter = PollingWaiter("a-group", Wake(), lambda: None, lambda: revision)
    quick, slow = polling.INTERVALS
    for _ in range(20):
        waiter.wait()
    assert intervals == sorted(intervals)
    assert intervals[-1] == slow
    revision = 1
    waiter.wait()
    assert intervals[-1] == quick
    waiter.close()
