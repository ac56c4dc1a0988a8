"""Writers at once share a commit; each has his own revision, or his own refusal."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from agent_master_storage import Check, Delete, Write, actor, storages
from agent_master_storage.backends.postgresql import group_commit
from agent_master_storage.backends.postgresql.group_commit import GroupCommit, ThreadTicket
from agent_master_storage.backends.postgresql.session import connect
from agent_master_storage.exceptions import (
    KeyNotFound,
    RevisionConflict,
    StorageUnavailable,
)
from agent_master_storage.testing import wait_for

from .queueing import at_once, in_threads

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


def test_those_who_wait_are_committed_together(storage: Any, commits: list[int]) -> None:
    calls = [lambda n=number: storage.write(f"k{n}", b"%d" % n) for number in range(10)]
    assert in_threads(storage, calls) == list(range(2, 12))
    assert sorted(commits) == [1, 1, 9]
    history = storage.history()
    assert [change.key for change in history] == ["first", *(f"k{n}" for n in range(10))]
    # Each is a transaction of its own for whoever watches.
    page = storage.read_log(0, _everything())
    assert [len(batch.changes) for batch in page.batches] == [1] * 11


def _everything() -> Any:
    from agent_master_storage.watch import Selector

    return Selector()


def test_a_refusal_is_its_writer_s_alone(storage: Any, commits: list[int]) -> None:
    calls = [
        lambda: storage.write("a", b"1"),
        lambda: storage.write("a", b"2", if_revision=2),
        lambda: storage.write("a", b"lost", if_revision=2),
        lambda: storage.delete("missing"),
        lambda: storage.commit([Write("b", b""), Write("c", b"", 9)]),
        lambda: storage.commit([Write("b", b"1"), Write("c", b"1"), Check("a", 3)]),
        lambda: storage.delete("a", if_revision=3),
        lambda: storage.write("a", b"new", if_revision=0),
        lambda: storage.transact([Delete("b"), Write("c", b"2", 4)]),
    ]
    found = in_threads(storage, calls)
    assert sorted(commits) == [1, 1, 8]
    kinds = [type(each) for each in found]
    assert kinds == [
        int, int, RevisionConflict, KeyNotFound, RevisionConflict, int, int, int, list,
    ]  # fmt: skip
    assert [found[index] for index in (0, 1, 5, 6, 7)] == [2, 3, 4, 5, 6]
    assert (found[2].current, found[2].index) == (3, 0)
    assert (found[4].current, found[4].index, found[4].key) == (0, 1, "c")
    changes = found[8]
    assert [(c.type, c.key, c.revision, c.previous_revision, c.last) for c in changes] == [
        ("delete", "b", 7, 4, False),
        ("write", "c", 7, 4, True),
    ]
    assert changes == storage.history(since=6)
    assert {entry.key: entry.revision for entry in storage.entries()} == {
        "first": 1, "a": 6, "c": 7,
    }  # fmt: skip


def test_each_has_his_own_name(storage: Any) -> None:
    def write(name: str) -> int:
        with actor(name):
            revision: int = storage.write("k", b"")
            return revision

    in_threads(storage, [lambda n=name: write(n) for name in ("one", "two", "three")])
    assert [change.actor for change in storage.history()] == ["", "one", "two", "three"]


def test_a_large_commit_goes_for_itself(storage: Any, commits: list[int]) -> None:
    large = [Write(f"k{number}", b"") for number in range(400)]
    calls = [lambda: storage.write("k", b""), *[lambda: storage.commit(large)] * 3]
    assert in_threads(storage, calls) == [2, 3, 4, 5]
    assert commits == [1, 1, 1, 1, 1]
    assert len(storage.history()) == 2 + 3 * 400


def test_a_writer_who_is_alone_commits_in_his_own_thread(storage: Any) -> None:
    for _ in range(20):
        storage.write("k", b"")
    assert storage._group._thread is None


def test_a_writer_who_is_left_alone_gets_back_to_his_own_thread(storage: Any) -> None:
    in_threads(storage, [lambda: storage.write("k", b"")] * 4)
    for _ in range(group_commit.ALONE + 2):
        storage.write("k", b"")
    wait_for(lambda: storage._group._thread is None)
    assert storage.write("k", b"") == storage.revision


def test_sixteen_threads_take_few_connections(storage: Any) -> None:
    storage.hub.close_if_unused()
    connections["postgres"].close()
    begin, end = threading.Barrier(16), threading.Barrier(17)

    def write() -> list[int]:
        begin.wait()
        try:
            return [storage.write("k", b"") for _ in range(20)]
        finally:
            end.wait()
            end.wait()
            storage.release()

    with connect("postgres") as admin, ThreadPoolExecutor(16) as pool:
        futures = [pool.submit(write) for _ in range(16)]
        end.wait()
        (count,) = admin.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchone()
        end.wait()
        found = [revision for future in futures for revision in future.result()]
    assert sorted(found) == list(range(1, 321))
    assert count <= 4


def test_the_thread_ends_with_its_connection(storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "LINGER", 0.1)
    in_threads(storage, [lambda: storage.write("k", b"")] * 4)
    wait_for(lambda: storage._group._thread is None)
    assert [t for t in threading.enumerate() if "commit" in t.name] == []
    assert storage.write("k", b"") == 6


def test_close_commits_what_waits(storage: Any) -> None:
    found = in_threads(storage, [lambda: storage.write("k", b"")] * 5)
    storage.close()
    assert found == [2, 3, 4, 5, 6]
    assert storage._group._thread is None


def test_an_error_of_the_database_is_told_to_each(storage: Any) -> None:
    storage.write("k", b"")
    with connections["postgres"].cursor() as cursor:
        cursor.execute("ALTER TABLE agent_master_storage_change RENAME TO away")
    try:
        found = at_once(storage, 5)
    finally:
        with connections["postgres"].cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO agent_master_storage_change")
    assert [type(error) for error in found] == [StorageUnavailable] * 5
    assert len({id(error) for error in found}) == 5
    assert all(error.__cause__ is not None for error in found)
    assert storage.write("k", b"") == 2


# The group by itself


def test_none_is_committed_twice_or_forgotten_however_they_come() -> None:
    done: list[ThreadTicket] = []

    def commit(tickets: list[ThreadTicket]) -> None:
        done.extend(tickets)
        for ticket in tickets:
            ticket.rows = [ticket.actor]

    group = GroupCommit(commit, lambda: None, "test")

    def write(writer: int) -> None:
        for number in range(300):
            ticket = ThreadTicket((Write("k", b""),), f"{writer}:{number}")
            group.submit(ticket)
            assert ticket.wait() == [ticket.actor]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    group.close()
    assert len(done) == len({ticket.actor for ticket in done}) == 8 * 300


def test_after_a_fork_the_child_has_a_group_and_connections_of_its_own(storage: Any) -> None:
    in_threads(storage, [lambda: storage.write("k", b"")] * 4)
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            found = at_once(storage, 3)
            os.write(writing, repr(sorted(found)).encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(reading, 1000) == b"[6, 7, 8]"
    assert storage.write("k", b"") == 9
    assert at_once(storage, 3) and storage.revision == 12


def test_storages_of_two_aliases_are_two_groups(storage: Any) -> None:
    assert storage._group is not storages["postgres"].__dict__.get("_group")
