"""Wake-ups by LISTEN and NOTIFY: quick where they come, harmless where they do not."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import connections, transaction

from agent_master_storage import storages
from agent_master_storage.backends.database import polling
from agent_master_storage.backends.postgresql import listener as notify
from agent_master_storage.backends.postgresql import session as pg_session
from agent_master_storage.backends.postgresql.listener import channel_of
from agent_master_storage.backends.postgresql.session import connect
from agent_master_storage.backends.postgresql.storage import PostgreSQLStorage
from agent_master_storage.testing import Recorder, take, wait_for
from agent_master_storage.testing.base import TIMEOUT
from agent_master_storage.watch.channel_layer import courier

from ...support.children import child
from .proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


@pytest.fixture
def hardly_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """So slow that a change which comes was notified."""
    monkeypatch.setattr(notify, "POLL_INTERVAL", 10 * TIMEOUT)


def another(**options: Any) -> PostgreSQLStorage:
    """What another process would have; it tells this one's tails nothing by itself."""
    return PostgreSQLStorage(alias="another", using="postgres", **options)


def listening(storage: Any) -> None:
    wait_for(lambda: storage.hub.works, "listening")


@pytest.mark.usefixtures("hardly_polling")
def test_a_notification_wakes_a_tail(storage: Any) -> None:
    seen, writer = Recorder(), another()
    storage.watch("k", seen)
    listening(storage)
    for value in (b"one", b"two", b"three"):
        writer.write("k", value)
        seen.wait_until(value)
    with transaction.atomic("postgres"):
        writer.write("k", b"four")
        writer.delete("k")
    assert seen.wait(5) == [b"one", b"two", b"three", b"four", None]


@pytest.mark.usefixtures("hardly_polling")
def test_one_from_another_process(storage: Any) -> None:
    seen = Recorder()
    storage.watch("k", seen)
    listening(storage)
    with child("tests.watch.write", "postgresql", "one", "two") as script:
        # It ends at once; its last notification is sent nevertheless.
        script.finish()
        assert seen.wait(2) == [b"one", b"two"]


@pytest.mark.usefixtures("hardly_polling")
def test_none_is_missed_when_many_processes_write_at_once(storage: Any) -> None:
    writers, writes = 4, 300
    with storage.changes() as changes, ExitStack() as stack:
        listening(storage)
        values = [str(number) for number in range(writes)]
        for _ in range(writers):
            stack.enter_context(child("tests.watch.write", "postgresql", *values))
        found = take(changes, writers * writes)
    assert [change.revision for change in found] == list(range(1, writers * writes + 1))


def test_a_notification_says_a_revision_and_comes_after_the_commit(storage: Any) -> None:
    heard: list[tuple[str, str]] = []
    with connect("postgres") as listener:
        listener.add_notify_handler(lambda found: heard.append((found.channel, found.payload)))
        listener.execute(f"LISTEN {channel_of(storage.namespace)}")
        for number in range(3):
            storage.write("k", b"%d" % number)
            wait_for(lambda: listener.execute("SELECT 1") and len(heard) == number + 1)  # noqa: B023
        with transaction.atomic("postgres"):
            storage.write("k", b"")
            time.sleep(0.05)
            listener.execute("SELECT 1")
            assert len(heard) == 3
        wait_for(lambda: listener.execute("SELECT 1") and len(heard) == 4)
    assert heard == [(channel_of("agent-master"), str(number)) for number in range(1, 5)]


def test_many_commits_share_a_notification(storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pg_session, "INTERVAL", 0.1)
    heard: list[str] = []
    with connect("postgres") as listener:
        listener.add_notify_handler(lambda found: heard.append(found.payload))
        listener.execute(f"LISTEN {channel_of(storage.namespace)}")
        for _ in range(100):
            storage.write("k", b"")
        wait_for(lambda: listener.execute("SELECT 1") and heard[-1:] == ["100"])
    assert 1 <= len(heard) < 50


@pytest.mark.usefixtures("hardly_polling")
def test_namespaces_have_channels_of_their_own(storage: Any) -> None:
    seen, others = Recorder(), Recorder()
    other, writer = another(namespace="other"), another(namespace="other")
    storage.watch("k", seen)
    other.watch("k", others)
    listening(storage)
    writer.write("k", b"theirs")
    assert others.wait(1) == [b"theirs"]
    another().write("k", b"ours")
    assert seen.wait(1) == [b"ours"]
    for opened in (other, writer):
        opened.close()


def test_one_connection_for_all_of_a_process(storage: Any) -> None:
    opened = [another(namespace=f"n{number}") for number in range(5)]
    for each in opened:
        each.watch("k", print)
        each.write("k", b"")
    listening(storage)
    with connect("postgres") as admin:
        (count,) = admin.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND query SIMILAR TO '%(LISTEN|NOTIFY|pg_locks)%'"
        ).fetchone()
    assert count == 1
    for each in opened:
        each.close()


def test_behind_a_pooler_that_cannot_listen_it_polls_and_says_so_once(
    proxy: Proxy, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pg_session, "PROBE_TIMEOUT", 0.3)
    monkeypatch.setattr(pg_session, "PROBE_INTERVAL", 0.5)
    monkeypatch.setattr(pg_session, "HEARTBEAT", 0.2)
    sent: list[str] = []
    monkeypatch.setattr(courier, "send", sent.append)
    proxy.swallows_notifications = True
    storage: Any = storages["postgresql"]
    seen, writer = Recorder(), another()
    storage.watch("k", seen)
    wait_for(lambda: storage.hub.works is False, "the probe")
    for number in range(5):
        writer.write("k", b"%d" % number)
        seen.wait_until(b"%d" % number)
    # The channel layer, if there is one, is told.
    assert sent == [storage.channel_group] * 5
    wait_for(lambda: len(proxy.listens) >= 4, "another probe")
    assert caplog.text.count("notifications do not arrive") == 1
    # The session may be another client's next: nothing but probes is left on it.
    channel = channel_of(storage.namespace).encode()
    assert proxy.listens
    assert not any(channel in asked for asked in proxy.listens)
    proxy.swallows_notifications = False
    listening(storage)
    writer.write("k", b"heard")
    seen.wait_until(b"heard")
    assert len(sent) == 5


@pytest.mark.usefixtures("hardly_polling")
def test_after_the_connection_is_lost_it_listens_again(
    storage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    seen, writer = Recorder(), another()
    storage.watch("k", seen)
    listening(storage)
    writer.write("k", b"before")
    seen.wait(1)
    with connect("postgres") as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND query SIMILAR TO '%(LISTEN|NOTIFY|pg_locks)%'"
        )
    writer.write("k", b"meanwhile")
    seen.wait_until(b"meanwhile")
    listening(storage)
    writer.write("k", b"after")
    seen.wait_until(b"after")
    assert caplog.text.count("listening failed") == 1


def test_every_notification_lost_costs_time_alone(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are lost after the probe has said that they come; the polling behind them finds all."""
    monkeypatch.setattr(notify, "POLL_INTERVAL", 0.1)
    storage: Any = storages["postgresql"]
    seen, writer = Recorder(), another()
    storage.watch("k", seen)
    listening(storage)
    proxy.swallows_notifications = True
    values = [b"%d" % number for number in range(30)]
    for value in values:
        writer.write("k", value)
    assert seen.wait(len(values)) == values


def test_a_new_epoch_is_told_to_others(storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "POLL_INTERVAL", 10 * TIMEOUT)
    storage.write("k", b"")
    with storage.changes() as changes:
        listening(storage)
        another().new_epoch()
        with pytest.raises(Exception, match="epoch"):
            take(changes, 1)


def test_the_server_is_away_for_a_while(
    storage: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No server where it is looked for: writers are told, the hub goes on trying, in silence."""
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(notify, "BACKOFF", (0.02, 0.05))
    monkeypatch.setattr(polling, "INTERVALS", (0.02, 0.05))
    connection: Any = connections["postgres"]
    seen = Recorder()
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "PORT", "1")
        storage.hub.listen("channel", storage.tail._wake)
        wait_for(lambda: "listening failed" in caplog.text)
        time.sleep(0.3)
    storage.watch("k", seen)
    listening(storage)
    storage.write("k", b"")
    seen.wait(1)
    assert caplog.text.count("listening failed") == 1
    storage.hub.ignore("channel", storage.tail._wake)
