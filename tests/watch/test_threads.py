"""A thread of ours can't be started, as at the exit of the process or when there are too many."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from agent_master_storage import storages
from agent_master_storage.exceptions import StorageUnavailable
from agent_master_storage.testing import take, wait_for
from agent_master_storage.watch import channel_layer as courier

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


@pytest.fixture
def fails_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """The first thread with such a name does not start; returns those that did not."""
    start = threading.Thread.start

    def prepare(name: str) -> list[str]:
        failed: list[str] = []

        def fail_once(thread: threading.Thread) -> None:
            if name in thread.name and not failed:
                failed.append(thread.name)
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", fail_once)
        return failed

    return prepare


def test_the_next_who_watches_is_served(storage: Any, fails_once: Any) -> None:
    failed = fails_once("-tail-")
    with pytest.raises(RuntimeError):
        storage.changes()
    with storage.changes() as changes:
        storage.write("k", b"")
        assert [change.key for change in take(changes, 1)] == ["k"]
    assert failed
    wait_for(lambda: storage.tail._thread is None, "none left behind keeps it alive")


def test_those_who_wait_for_a_commit_are_refused(transactional_db: None, fails_once: Any) -> None:
    storage, failed = storages["postgresql"], fails_once("-commit-")

    async def write() -> int:
        return await asyncio.wait_for(storage.awrite("k", b""), 10)

    with pytest.raises(StorageUnavailable, match="nothing was written"):
        asyncio.run(write())
    assert storage.list() == []
    assert asyncio.run(write()) == 1
    assert failed


def test_what_was_committed_is_when_nobody_can_be_told(
    transactional_db: None, fails_once: Any, caplog: pytest.LogCaptureFixture
) -> None:
    storage: Any = storages["postgresql"]
    storage.hub.close_if_unused()
    failed = fails_once("-notify-")
    assert storage.write("k", b"") == 1
    assert failed
    assert "polling goes on" in caplog.text
    assert storage.write("k", b"") == 2
    wait_for(storage.hub._sent.is_set, "the next one is told")


def test_who_wrote_is_not_told_of_a_wake_up_that_fails(
    transactional_db: None, settings: Any, fails_once: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    messenger = courier.Courier()
    monkeypatch.setattr("agent_master_storage.backends.database.storage.courier", messenger)
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": []}}
    }
    failed = fails_once("-courier")
    storage = storages["postgres"]
    assert storage.write("k", b"one") == 1
    assert failed
    # The next one starts it.
    assert storage.write("k", b"two") == 2
    messenger.flush()
    assert messenger._loop is not None and messenger._loop.is_running()
