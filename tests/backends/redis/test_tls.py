"""``rediss://``: certificates are checked, and everything works as it does without."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redis

from agent_master_storage import Write
from agent_master_storage.backends.redis import RedisStorage
from agent_master_storage.backends.redis import retry as attempts
from agent_master_storage.exceptions import StorageUnavailable
from agent_master_storage.testing import Recorder, take, wait_for

from .acl import rules
from .stores import client, make_storage
from .tls import Authority, tls_server, ways


class Secure(NamedTuple):
    authority: Authority
    port: int
    plain: int

    def url(self, user: str = "", **options: object) -> str:
        options = {"ssl_ca_certs": self.authority.path} | options
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"rediss://{user}127.0.0.1:{self.port}/0?{query}"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secure(authority: Authority) -> Iterator[Secure]:
    with tls_server(ways()[-1], authority, authority.issue("127.0.0.1")) as (port, plain):
        yield Secure(authority, port, plain)


@pytest.fixture
def engine(secure: Secure) -> Iterator[redis.Redis]:
    """Beside us, without TLS."""
    with client(f"redis://127.0.0.1:{secure.plain}/0") as engine:
        engine.flushall()
        yield engine


@pytest.fixture
def open_storage(engine: redis.Redis) -> Iterator[Callable[..., RedisStorage]]:
    made: list[RedisStorage] = []

    def open_storage(url: str, **options: Any) -> RedisStorage:
        made.append(make_storage("tls", url, **options))
        return made[-1]

    yield open_storage
    for storage in made:
        storage.close()


Open = Callable[..., RedisStorage]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "PAUSE", 0.001)


def test_all_that_it_does(open_storage: Open, secure: Secure, engine: redis.Redis) -> None:
    storage, seen = open_storage(secure.url()), Recorder()
    storage.watch("k", seen)
    for number in range(20):
        storage.write("k", b"%d" % number)
        assert storage.read("k") == b"%d" % number
    seen.wait(20)
    engine.set("tls:k", b"theirs")
    assert seen.wait(21)[-1] == b"theirs"
    assert storage.list() == ["k"]
    assert storage.snapshot().revision == storage.revision == 21
    # More than a record of TLS holds, both ways.
    storage.write("large", bytes(1_000_000))
    assert storage.read("large") == bytes(1_000_000)


def test_behind_a_proxy(authority: Authority) -> None:
    with tls_server("proxy", authority, authority.issue("127.0.0.1")) as (port, plain):
        storage = make_storage("tls", Secure(authority, port, plain).url())
        with client(f"redis://127.0.0.1:{plain}/0") as engine, storage.changes() as changes:
            storage.write("k", bytes(1_000_000))
            engine.set("tls:k", b"theirs")
            assert [change.value for change in take(changes, 2)] == [bytes(1_000_000), b"theirs"]
        assert asyncio.run(storage.alist()) == ["k"]
        storage.close()


async def test_all_that_it_does_in_a_loop(open_storage: Open, secure: Secure) -> None:
    storage = open_storage(secure.url(), max_connections=5)
    await asyncio.gather(*(storage.awrite(f"k{number:02}", b"v") for number in range(50)))
    assert await storage.alist() == [f"k{number:02}" for number in range(50)]
    await storage.awrite("large", bytes(1_000_000))
    assert await storage.aread("large") == bytes(1_000_000)
    assert await storage.acommit([Write("a", b""), Write("b", b"")]) == 52


def test_many_that_are_told_at_once(open_storage: Open, secure: Secure, engine: Any) -> None:
    """What the library has decrypted and not yet given out, no socket tells of."""
    storage = open_storage(secure.url())
    with storage.changes() as changes:
        wait_for(lambda: storage._tracker._signal)
        for start in range(0, 3000, 1000):
            engine.mset({f"tls:k{number:04}": b"v" for number in range(start, start + 1000)})
        assert len({change.key for change in take(changes, 3000)}) == 3000


def test_a_connection_is_kept(open_storage: Open, secure: Secure, engine: redis.Redis) -> None:
    """What TLS itself sends, such as tickets, is not taken for the end."""
    storage = open_storage(secure.url())

    def accepted() -> int:
        return int(engine.info("stats")["total_connections_received"])

    storage.write("k", b"")
    before = accepted()
    for _ in range(50):
        storage.write("k", b"")
        storage.read("k")
    assert accepted() == before


def test_a_lost_connection(open_storage: Open, secure: Secure, engine: redis.Redis) -> None:
    storage = open_storage(secure.url())
    for number in range(5):
        assert storage.write("k", b"") == number + 1
        for connection in engine.client_list():
            if connection["name"] == "agent-master-storage":
                engine.client_kill_filter(_id=connection["id"])
        wait_for(lambda: not storage._server._free[0].works())


def test_no_answer_in_time(open_storage: Open, secure: Secure, engine: redis.Redis) -> None:
    storage = open_storage(secure.url(), timeout=0.2)
    storage.write("k", b"")
    engine.execute_command("CLIENT", "PAUSE", 500, "ALL")
    with pytest.raises(StorageUnavailable, match="no answer in time"):
        storage.read("k")
    engine.ping()
    assert storage.read("k") == b""


def test_a_user_of_the_acl(open_storage: Open, secure: Secure, engine: redis.Redis) -> None:
    """Name and password percent-encoded, as a URL has them."""
    engine.execute_command("ACL", "SETUSER", "a@b", "reset", "on", ">p/w:d?#", *rules("tls"))
    storage, seen = open_storage(secure.url("a%40b:p%2Fw%3Ad%3F%23@")), Recorder()
    storage.watch("k", seen)
    storage.write("k", b"ours")
    engine.set("tls:k", b"theirs")
    assert seen.wait(2) == [b"ours", b"theirs"]
    assert asyncio.run(storage.alist()) == ["k"]
    wrong = open_storage(secure.url("a%40b:other@"))
    for attempt in (lambda: wrong.read("k"), lambda: asyncio.run(wrong.aread("k"))):
        with pytest.raises(StorageUnavailable, match="user and password") as caught:
            attempt()
        assert "other" not in str(caught.value)


def refuses(storage: RedisStorage, message: str) -> None:
    for attempt in (
        lambda: storage.write("k", b""),
        lambda: storage.list(),
        lambda: asyncio.run(storage.awrite("k", b"")),
    ):
        with pytest.raises(StorageUnavailable, match=message):
            attempt()


def test_a_certificate_that_nobody_vouches_for(open_storage: Open, secure: Secure) -> None:
    url = secure.url().partition("?")[0]
    refuses(open_storage(url), "is not trusted")
    assert open_storage(f"{url}?ssl_cert_reqs=none").write("k", b"") == 1


def test_a_certificate_of_another_host(authority: Authority) -> None:
    with tls_server(ways()[-1], authority, authority.issue("elsewhere.example")) as (port, plain):
        storage = make_storage("tls", Secure(authority, port, plain).url())
        refuses(storage, "is not trusted .*elsewhere|is not trusted .*127.0.0.1")
        storage.close()


def test_tls_to_a_server_without(open_storage: Open, secure: Secure) -> None:
    refuses(open_storage(secure._replace(port=secure.plain).url(), timeout=0.3), "rediss://")


def test_no_tls_to_a_server_with_it(open_storage: Open, secure: Secure) -> None:
    refuses(open_storage(f"redis://127.0.0.1:{secure.port}/0", timeout=0.3), "rediss://")


def test_a_file_of_authorities_that_is_not_there(open_storage: Open, secure: Secure) -> None:
    missing: Path = secure.authority.path.with_name("missing.pem")
    refuses(open_storage(secure.url(ssl_ca_certs=missing)), "missing|No such file")
