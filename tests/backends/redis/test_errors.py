"""Whatever the server answers: StorageUnavailable, and what the operator can do about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from agent_master_storage import Write
from agent_master_storage.backends.redis import RedisStorage
from agent_master_storage.backends.redis import retry as attempts
from agent_master_storage.backends.redis.errors import unavailable
from agent_master_storage.exceptions import (
    KeyNotFound,
    RevisionCompacted,
    StorageUnavailable,
    WrongType,
)
from agent_master_storage.testing import take, wait_for

from ...support.servers import free_port, redis_binary, redis_kinds, redis_server
from .stores import client, make_storage


@pytest.fixture(scope="module", params=["the suite's", *redis_kinds()])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server of each kind, that the tests may do what they like to: each has its own words."""
    port = free_port()
    with redis_server({"the suite's": redis_binary(), **redis_kinds()}[request.param], port):
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "PAUSE", 0.001)


@pytest.fixture
def admin(url: str) -> Iterator[redis.Redis]:
    with client(url) as admin:
        admin.flushall()
        yield admin


@pytest.fixture
def open_storage(url: str, admin: redis.Redis) -> Iterator[Callable[..., RedisStorage]]:
    made: list[RedisStorage] = []

    def open_storage(url: str = url, **options: Any) -> RedisStorage:
        made.append(make_storage("errors", url, **options))
        return made[-1]

    yield open_storage
    for storage in made:
        storage.close()


Open = Callable[..., RedisStorage]


@contextmanager
def configured(admin: redis.Redis, **settings: Any) -> Iterator[None]:
    names = {name: name.replace("_", "-") for name in settings}
    before = {name: admin.config_get(names[name])[names[name]] for name in settings}
    for name, value in settings.items():
        admin.config_set(names[name], value)
    try:
        yield
    finally:
        for name, value in before.items():
            admin.config_set(names[name], value)


@contextmanager
def user(admin: redis.Redis, url: str, *rules: str) -> Iterator[str]:
    """The URL of a user with these rules."""
    admin.execute_command("ACL", "SETUSER", "app", "reset", "on", ">secret", *rules)
    try:
        yield url.replace("redis://", "redis://app:secret@")
    finally:
        admin.acl_deluser("app")


def calls(storage: RedisStorage) -> list[Callable[[], object]]:
    return [
        lambda: storage.read("k"),
        lambda: storage.write("k", b""),
        lambda: storage.entry("k"),
        lambda: storage.list(),
        lambda: storage.revision,
        lambda: asyncio.run(storage.aread("k")),
        lambda: asyncio.run(storage.awrite("k", b"")),
        lambda: asyncio.run(storage.alist()),
    ]


def check_all(storage: RedisStorage, message: str) -> None:
    for call in calls(storage):
        with pytest.raises(StorageUnavailable, match=message) as caught:
            call()
        assert isinstance(caught.value.__cause__, redis.RedisError | OSError)
        assert "secret" not in str(caught.value)


def test_no_server(open_storage: Open) -> None:
    check_all(open_storage(f"redis://127.0.0.1:{free_port()}/0"), "is it running")


def test_no_socket_file(open_storage: Open) -> None:
    check_all(open_storage("unix:///tmp/there-is-none.sock"), "is the path right")


def test_a_wrong_password(open_storage: Open, admin: redis.Redis, url: str) -> None:
    check_all(open_storage(url.replace("//", "//nobody:secret@")), "user and password")
    admin.execute_command("ACL", "SETUSER", "default", "resetpass", ">other")
    try:
        check_all(open_storage(url), "user and password")
    finally:
        admin.execute_command("ACL", "SETUSER", "default", "nopass")


def test_what_a_user_may_not_do(open_storage: Open, admin: redis.Redis, url: str) -> None:
    with user(admin, url, "~other:*", "+@all", "&*") as theirs:
        check_all(open_storage(theirs), "may not do this: see the ACL rules in docs/redis.md")
    for missing in ("xadd", "set", "hset", "zadd", "evalsha"):
        admin.flushall()
        with user(admin, url, "~*", "&*", "+@all", f"-{missing}") as theirs:
            storage = open_storage(theirs)
            with pytest.raises(StorageUnavailable, match="may not do this"):
                storage.write("k", b"v")
        # Nothing of it was done.
        assert admin.get("errors:k") is None
        assert open_storage().history() == []


def test_out_of_memory(open_storage: Open, admin: redis.Redis) -> None:
    storage = open_storage()
    storage.write("k", b"before")
    with configured(admin, maxmemory=1, maxmemory_policy="noeviction"):
        with pytest.raises(StorageUnavailable, match="raise maxmemory"):
            storage.write("k", b"after")
        with pytest.raises(StorageUnavailable, match="raise maxmemory"):
            asyncio.run(storage.awrite("k", b"after"))
        assert storage.read("k") == b"before"
        # What frees memory is done.
        assert storage.delete("k") == 2
    assert [change.revision for change in storage.history()] == [1, 2]


def test_out_of_memory_all_is_read_and_deletes_are_told(
    open_storage: Open, admin: redis.Redis
) -> None:
    """Also by one who comes then, and those of an engine."""
    theirs = open_storage()
    theirs.commit([Write(f"k{number}", b"v") for number in range(5)])
    with configured(admin, maxmemory=1, maxmemory_policy="noeviction"):
        storage = open_storage()
        assert storage.list() == [f"k{number}" for number in range(5)]
        changes = storage.changes(since=1)
        admin.delete("errors:k0")
        assert storage.list() == [f"k{number}" for number in range(1, 5)]
        storage.delete("k1")
        assert [(c.type, c.key, c.revision) for c in take(changes, 2)] == [
            ("delete", "k0", 2), ("delete", "k1", 3),
        ]  # fmt: skip
        admin.delete("errors:k2")
        with pytest.raises(KeyNotFound):
            storage.entry("k2")
        assert storage.snapshot().revision == 4
        assert len(storage.history()) == 8
        # A delete to be noted is no way in for what would take memory.
        admin.delete("errors:k3")
        for attempt in (
            lambda: storage.write("k3", b"after"),
            lambda: storage.write("k3", b"x" * 500_000),
            lambda: storage.commit([Write("k3", b""), Write("k4", b"after")]),
        ):
            with pytest.raises(StorageUnavailable, match="raise maxmemory"):
                attempt()
        assert storage.list() == ["k4"]
        assert storage.revision == 5


def test_not_to_be_allowed_to_read_is_not_to_be_no_string(
    open_storage: Open, admin: redis.Redis, url: str
) -> None:
    """Nothing is missing, or of another type, for who may not look."""
    open_storage().write("k", b"v")
    with user(admin, url, "~*", "&*", "+@all", "-get") as theirs:
        storage = open_storage(theirs)
        for attempt in (
            lambda: storage.read("k"),
            lambda: storage.entry("k"),
            lambda: storage.entry("k", revision=1),
            storage.snapshot,
        ):
            with pytest.raises(StorageUnavailable, match="may not do this") as caught:
                attempt()
            assert not isinstance(caught.value, WrongType)


@pytest.mark.parametrize("spoil", ["delete", "list"])
def test_the_past_of_what_an_engine_has_just_removed(
    open_storage: Open, admin: redis.Redis, spoil: str
) -> None:
    """Reading it notes that; what the log no longer tells is then no KeyNotFound."""
    storage = open_storage()
    storage.write("k", b"v")
    for _ in range(3):
        storage.write("other", b"")
    storage.compact(3)
    admin.delete("errors:k")
    if spoil == "list":
        admin.rpush("errors:k", "a")
    for _ in range(2):
        with pytest.raises(RevisionCompacted):
            storage.entry("k", revision=4)


def test_sizes_are_without_what_is_no_string(open_storage: Open, admin: redis.Redis) -> None:
    storage = open_storage()
    storage.commit([Write("a", b"v"), Write("b", b"v")])
    storage.list()
    admin.delete("errors:a")
    admin.rpush("errors:a", "a")
    answer = storage._server.run(storage._plans.sizes("", "", 10))
    assert answer == [1]


def test_a_replica(open_storage: Open, admin: redis.Redis) -> None:
    storage = open_storage()
    storage.write("k", b"before")
    admin.execute_command("REPLICAOF", "127.0.0.1", free_port())
    try:
        with pytest.raises(StorageUnavailable, match="it is a replica"):
            storage.write("k", b"after")
        assert storage.read("k") == b"before"
    finally:
        admin.execute_command("REPLICAOF", "NO", "ONE")
    assert storage.write("k", b"after") == 2


def test_a_server_that_is_loading(open_storage: Open, tmp_path: Path) -> None:
    binary, port = redis_kinds()["redis-8.2"], free_port()
    folder = ("--dir", str(tmp_path))
    with redis_server(binary, port, *folder), client(f"redis://127.0.0.1:{port}/0") as admin:
        admin.mset({f"errors:k{number}": bytes(100) for number in range(1000)})
        admin.save()
    # Microseconds a key, and bytes after which it looks whether somebody asks something.
    slowly = ("--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024")
    with redis_server(binary, port, *folder, *slowly):
        storage = open_storage(f"redis://127.0.0.1:{port}/0")
        with pytest.raises(StorageUnavailable, match="wait until it has"):
            storage.read("k0")
        refused: list[str] = []

        def works() -> bool:
            try:
                return storage.write("new", b"") > 0
            except StorageUnavailable as error:
                refused.append(str(error))
                return False

        wait_for(works)
        assert all("wait until it has" in text for text in refused)
        assert len(storage.list()) == 1001


@contextmanager
def silent(admin: redis.Redis) -> Iterator[None]:
    """For longer than the storage's timeout. It can't be told to speak again."""
    admin.execute_command("CLIENT", "PAUSE", 400, "ALL")
    try:
        yield
    finally:
        admin.ping()


def test_a_server_that_is_silent_to_a_read(open_storage: Open, admin: redis.Redis) -> None:
    storage = open_storage(timeout=0.2)
    storage.write("k", b"before")
    with silent(admin), pytest.raises(StorageUnavailable, match="no answer in time") as caught:
        storage.read("k")
    assert "not known" not in str(caught.value)
    assert storage.read("k") == b"before"


def test_a_write_of_unknown_outcome_is_not_repeated(open_storage: Open, admin: redis.Redis) -> None:
    storage = open_storage(timeout=0.2)

    async def write() -> None:
        await storage.awrite("async", b"before")
        with silent(admin), pytest.raises(StorageUnavailable, match="is not known"):
            await storage.awrite("async", b"perhaps")

    storage.write("k", b"before")
    with silent(admin), pytest.raises(StorageUnavailable, match="is not known"):
        storage.write("k", b"perhaps")
    asyncio.run(write())
    # At most once each.
    assert len(storage.history(key="k")) <= 2
    assert len(storage.history(key="async")) <= 2


def test_a_killed_connection(open_storage: Open, admin: redis.Redis) -> None:
    """Before anything was sent it is made anew, for reads and writes alike."""
    storage = open_storage()
    storage.write("k", b"0")
    for number in range(1, 6):
        admin.client_kill_filter(_type="normal", skipme=True)
        assert storage.write("k", b"%d" % number) == number + 1
        admin.client_kill_filter(_type="normal", skipme=True)
        assert storage.read("k") == b"%d" % number


def refusing(storage: RedisStorage, patched: pytest.MonkeyPatch, times: int) -> None:
    """The next connections are refused."""
    server = storage._server
    connect, left = server.connect, [times]

    def refuse(protocol: int) -> Any:
        if left[0]:
            left[0] -= 1
            raise redis.ConnectionError("refused by the test")
        return connect(protocol)

    patched.setattr(server, "connect", refuse)


def room(storage: RedisStorage) -> int:
    """Connections that may be had: those that wait, and those that may be made."""
    server = storage._server
    return len(server._free) + server._room._value


def test_what_was_not_sent_is_tried_again(
    open_storage: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write too; and when all is in vain, nothing of it is unknown."""
    storage = open_storage()
    storage.write("k", b"1")
    storage._server.close()
    refusing(storage, monkeypatch, 2)
    assert storage.write("k", b"2") == 2
    storage._server.close()
    refusing(storage, monkeypatch, 100)
    with pytest.raises(StorageUnavailable, match="refused by the test") as caught:
        storage.write("k", b"3")
    assert "not known" not in str(caught.value)
    assert room(storage) == 50


def test_no_connection_is_counted_twice(
    open_storage: Open, admin: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_storage(timeout=0.2)
    storage.write("k", b"1")
    with silent(admin), pytest.raises(StorageUnavailable):
        storage.read("k")
    assert room(storage) == 50
    # One that breaks under a read, and then none to be had.
    storage.read("k")
    [link] = storage._server._free
    monkeypatch.setattr(type(link), "works", lambda self: True)
    admin.client_kill_filter(_type="normal", skipme=True)
    refusing(storage, monkeypatch, 2)
    assert storage.read("k") == b"1"
    assert room(storage) == 50


def test_a_refusal_costs_no_connection(open_storage: Open, admin: redis.Redis) -> None:
    storage = open_storage()
    storage.write("k", b"1")
    before = list(storage._server._free)
    for number in range(3):
        admin.script_flush()
        storage.write("k", b"%d" % number)
    assert storage._server._free == before


async def test_a_killed_connection_of_a_loop(open_storage: Open, admin: redis.Redis) -> None:
    storage = open_storage()
    await storage.awrite("k", b"0")
    for number in range(1, 6):
        admin.client_kill_filter(_type="normal", skipme=True)
        # The loop hears of it.
        await asyncio.sleep(0.01)
        assert await storage.awrite("k", b"%d" % number) == number + 1
        admin.client_kill_filter(_type="normal", skipme=True)
        assert await storage.aread("k") == b"%d" % number


def test_a_missing_key_is_nothing_else(open_storage: Open) -> None:
    storage = open_storage()
    for call in (
        lambda: storage.read("k"),
        lambda: storage.entry("k"),
        lambda: storage.delete("k"),
    ):
        with pytest.raises(KeyNotFound):
            call()


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (redis.exceptions.BusyLoadingError("Redis is loading"), "wait until it has"),
        (redis.ResponseError("MISCONF Redis is configured to save"), "look at its log"),
        (redis.ResponseError("BUSY Redis is busy running a script"), "SCRIPT KILL"),
        (redis.exceptions.MovedError("3999 127.0.0.1:6381"), "does not speak"),
        # As Redis 6.2 says it from inside a script.
        (
            redis.ResponseError("Error running script (call to f_1): @user_script:1: -OOM command"),
            "raise maxmemory",
        ),
        (redis.ResponseError("something new"), "something new"),
    ],
)
def test_what_is_said_of_an_answer(error: Exception, advice: str) -> None:
    said = str(unavailable("server:6379/0", error))
    assert said.startswith("Redis at server:6379/0: ")
    assert advice in said


@pytest.mark.parametrize("name", ["log", "entries", "index", "sweeps"])
def test_something_else_under_a_name_of_ours(
    open_storage: Open, admin: redis.Redis, name: str
) -> None:
    """It is named, and when it is away all goes on."""
    storage = open_storage()
    storage.write("k", b"before")
    storage.list()
    admin.delete(f"errors/{name}")
    admin.set(f"errors/{name}", "oops")
    refused = 0
    for attempt in (
        lambda: storage.write("k", b"after"),
        lambda: asyncio.run(storage.awrite("k", b"after")),
        lambda: open_storage().list(),
        storage.history,
        lambda: storage.commit([Write(f"k{number}", b"") for number in range(150)]),
    ):
        try:
            attempt()
        except StorageUnavailable as error:
            refused += 1
            assert f"errors/{name}" in str(error)
            assert "remove that one alone" in str(error)
    assert refused
    admin.delete(f"errors/{name}")
    assert storage.write("k", b"at last")
    assert storage.read("k") == b"at last"
    # Without an index, it is made again when all is compared.
    storage._tracker._sweeper.sweep()
    assert "k" in storage.list()
