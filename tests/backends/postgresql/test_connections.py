"""Connections end, servers restart, networks cut: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import gc
import os
import resource
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections, transaction

from agent_master_storage import Check, Write, storages
from agent_master_storage.backends.postgresql import session as pg_session
from agent_master_storage.backends.postgresql.session import connect
from agent_master_storage.exceptions import StorageUnavailable
from agent_master_storage.testing import Recorder, take, wait_for

from .proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])

_OTHERS = (
    "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)


def kill_all() -> int:
    """End every connection to the test's database."""
    with connect("postgres") as admin:
        # Each is waited for, so that what comes after is a new one.
        killed = admin.execute(f"SELECT count(pg_terminate_backend(pid, 5000)) {_OTHERS}")
        (count,) = killed.fetchone()
    return int(count)


def test_killed_connections_are_not_even_noticed(storage: Any) -> None:
    seen, killed = Recorder(), 0
    storage.watch("k", seen)
    wait_for(lambda: storage.hub.works, "listening")
    with storage.changes() as changes:
        for number in range(20):
            storage.write("k", b"%d" % number)
            if number % 4 == 0:
                killed += kill_all()
            assert storage.read("k") == b"%d" % number
        assert len(take(changes, 20)) == 20
    # Each time the one that writes, and those of the watch if they were there again.
    assert killed > 5
    assert seen.wait(20) == [b"%d" % number for number in range(20)]


def test_the_thread_that_commits_connects_anew(storage: Any) -> None:
    def write(number: int) -> int:
        try:
            return int(storage.write("k", b""))
        finally:
            storage.release()

    with ThreadPoolExecutor(8) as pool:
        first = list(pool.map(write, range(40)))
        kill_all()
        second = list(pool.map(write, range(40)))
    assert sorted(first + second) == list(range(1, 81))


def test_killed_while_it_waits_for_the_lock_is_an_error_and_nothing_was_done(storage: Any) -> None:
    storage.write("k", b"")
    with connect("postgres") as holder, ThreadPoolExecutor(1) as pool:
        holder.execute("SELECT pg_advisory_lock(%s)", [storage._writer.lock_key])

        def write() -> Any:
            try:
                return storage.write("k", b"lost")
            finally:
                storage.release()

        found = pool.submit(write)
        wait_for(
            lambda: (
                holder.execute(
                    f"SELECT count(pg_terminate_backend(pid)) {_OTHERS} AND wait_event = 'advisory'"
                ).fetchone()
                == (1,)
            ),
            "waiting for the lock",
        )
        with pytest.raises(StorageUnavailable) as caught:
            found.result()
    assert caught.value.__cause__ is not None
    assert storage.write("k", b"two") == 2


@pytest.mark.parametrize("way", ["alone", "together", "tasks", "several", "atomic"])
def test_an_unknown_outcome_is_never_tried_again(way: str, proxy: Proxy) -> None:
    """The connection is cut when the commit was made and its answer on the way."""
    storage: Any = storages["postgresql"]
    storage.write("k", b"before")
    storage.hub.close_if_unused()
    functions = {"atomic": b"COMMIT", "several": b"agent_master_storage_commit"}
    proxy.cuts_answer_to = functions.get(way, b"agent_master_storage_put")
    storage.hub.notify = lambda *args: None
    try:
        with pytest.raises(Exception) as caught:
            if way == "atomic":
                with transaction.atomic("postgres"):
                    storage.write("k", b"unknown")
            else:
                _write(storage, way)
    finally:
        del storage.hub.notify
    assert proxy.cut == 1
    if way != "atomic":
        assert isinstance(caught.value, StorageUnavailable)
        assert caught.value.__cause__ is not None
    wait_for(lambda: storage.revision == 2)
    assert [change.value for change in storage.history()] == [b"before", b"unknown"]
    assert storage.write("k", b"after") == 3


def _write(storage: Any, way: str) -> None:
    import asyncio

    if way == "alone":
        storage.write("k", b"unknown")
    elif way == "several":
        storage.commit([Write("k", b"unknown"), Check("other", 0)])
    elif way == "together":
        storage._group.begin_alone(connected=True)
        try:
            storage.write("k", b"unknown")
        finally:
            storage._group.end_alone()
    else:
        asyncio.run(storage.awrite("k", b"unknown"))


def test_a_read_is_repeated_on_a_new_connection(proxy: Proxy) -> None:
    storage: Any = storages["postgresql"]
    storage.write("k", b"value")
    proxy.cuts_answer_to = b"SELECT value"
    assert storage.read("k") == b"value"
    assert proxy.cut == 1


def test_the_tail_does_not_read_again_on_a_new_connection(storage: Any) -> None:
    """Behind it may be another server, whose log is to be compared first."""
    database = storage._database

    def read() -> Any:
        try:
            database.never_reconnect_silently()
            assert database.row("SELECT 1", ()) == (1,)
            connections["postgres"].connection.close()
            with pytest.raises(StorageUnavailable):
                database.row("SELECT 1", ())
            return database.row("SELECT 1", ())
        finally:
            storage.release()

    with ThreadPoolExecutor(1) as tail:
        assert tail.submit(read).result() == (1,)


def test_notifications_arrive_on_descriptors_of_any_number(storage: Any) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    storage.hub.close_if_unused()
    descriptors = [os.dup(0) for _ in range(1100)]
    try:
        with storage.changes() as changes:
            wait_for(lambda: storage.hub.works, "listening")
            storage.write("k", b"")
            assert len(take(changes, 1)) == 1
            storage.hub.close_if_unused()
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_pool_of_django_s(storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    connection: Any = connections["postgres"]
    connection.close()
    options = {**connection.settings_dict["OPTIONS"], "pool": {"min_size": 1, "max_size": 3}}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    seen = Recorder()
    storage.watch("k", seen)

    def write(number: int) -> int:
        try:
            return int(storage.write("k", b"%d" % number))
        finally:
            storage.release()

    try:
        with ThreadPoolExecutor(12) as workers:
            found = list(workers.map(write, range(100)))
            kill_all()
            found += workers.map(write, range(100))
        assert sorted(found) == list(range(1, 201))
        assert len(seen.wait(200)) == 200
        assert len(connection.pool._pool) <= 3
    finally:
        storages.reset()
        connection.close()
        connection.close_pool()


def test_after_a_fork_both_go_on(storage: Any) -> None:
    seen = Recorder()
    storage.watch("k", seen)
    storage.write("k", b"parent")
    seen.wait(1)
    pid = os.fork()
    if not pid:
        code = 1
        try:
            assert storage.read("k") == b"parent"
            heard = Recorder()
            storage.watch("k", heard)
            storage.write("k", b"child")
            heard.wait(1)
            storages.reset()
            gc.collect()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert seen.wait(2) == [b"parent", b"child"]
    storage.write("k", b"parent again")
    assert seen.wait(3)[-1] == b"parent again"


@pytest.mark.parametrize("alias", ["default", "postgres"])
def test_after_a_fork_storages_of_one_database_share_the_child_s_connection(
    alias: str, storage: Any
) -> None:
    """None takes it away from another, in the middle of a transaction; nor may a thread."""
    one: Any = storages[alias]
    two = type(one)(alias="two", using=one.using, namespace="two")
    one.write("k", b"")
    two.write("k", b"")
    parents = connections[one.using].connection
    pid = os.fork()
    if not pid:
        code = 1
        try:
            first = threading.Thread(target=lambda: (one.read("k"), one.release()))
            first.start()
            first.join()
            one.read("k")
            assert connections[one.using].connection is not parents
            with transaction.atomic(one.using):
                two.write("undone", b"")
                transaction.set_rollback(True, using=one.using)
            with transaction.atomic(one.using):
                one.write("child", b"")
                two.write("child", b"")
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert (one.list(), two.list()) == (["child", "k"], ["child", "k"])


def test_nothing_stays_open_after_close(storage: Any) -> None:
    storage.watch("k", print)
    storage.write("k", b"")
    names = [thread.name for thread in threading.enumerate()]
    assert any("notify" in name for name in names)
    storages.reset()
    connections["postgres"].close()
    with connect("postgres") as admin:
        wait_for(lambda: admin.execute(f"SELECT count(*) {_OTHERS}").fetchone() == (0,))
    ours = ("notify-postgres", "commit-postgresql", "tail-postgresql", "watch-k")
    wait_for(lambda: not [t for t in threading.enumerate() if t.name.endswith(ours)])


def test_an_idle_watch_lets_go_of_a_database_that_is_to_be_dropped(
    storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a test that forgets its watches, Django drops the database at the end."""
    monkeypatch.setattr(pg_session, "HEARTBEAT", 0.5)
    connection: Any = connections["postgres"]
    name = connection.settings_dict["NAME"]
    storages.reset()
    connection.close()
    with connect("postgres") as admin:
        admin.execute(f'CREATE DATABASE "{name}_2" TEMPLATE "{name}"')
    monkeypatch.setitem(connection.settings_dict, "NAME", f"{name}_2")
    seen = Recorder()
    watching: Any = storages["postgresql"]
    watching.watch("k", seen)
    watching.write("k", b"heard")
    seen.wait(1)
    wait_for(lambda: watching.hub.works)
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "NAME", name)
    with connect("postgres") as admin:
        admin.execute(f'DROP DATABASE "{name}_2"')


@pytest.mark.parametrize("verb", ["read", "write"])
def test_a_connection_that_was_closed_behind_django_s_back_is_replaced(
    verb: str, storage: Any
) -> None:
    storage.write("k", b"")
    connections["postgres"].connection.close()
    assert (storage.read("k") if verb == "read" else storage.write("k", b"")) in (b"", 2)
