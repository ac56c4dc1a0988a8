"""REST on three ASGI servers: keys, event streams and shutdown."""

from __future__ import annotations

import http.client
import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil
import pytest

from agent_master_storage import storages

from ..support.processes import Server, asgi_server
from .api import COMMITTED, JSON
from .http_client import ADMIN, connect, exchange
from .slow_login_settings import DELAY

pytestmark = COMMITTED

CHANGES = "/storage/default/changes"
EVENTS = ADMIN | {"Accept": "text/event-stream"}


@contextmanager
def streams(
    server: Server, count: int, path: str = CHANGES
) -> Iterator[list[http.client.HTTPResponse]]:
    """Open ``number`` event streams and read the first block of each."""
    with ExitStack() as stack:
        opened = []
        for _ in range(count):
            connection = connect(server.port)
            stack.callback(connection.close)
            connection.request("GET", path, headers=EVENTS)
            response = connection.getresponse()
            assert response.status == 200
            assert response.readline().startswith(b"retry:")
            opened.append(response)
        yield opened


@contextmanager
def polls(server: Server, count: int) -> Iterator[list[http.client.HTTPConnection]]:
    """Open ``number`` connections and send a long poll on each."""
    with ExitStack() as stack:
        connections = [connect(server.port) for _ in range(count)]
        for connection in connections:
            stack.callback(connection.close)
            connection.request("GET", f"{CHANGES}?wait=50&since=0", headers=ADMIN)
        yield connections


def lines_until(response: http.client.HTTPResponse, start: bytes) -> bytes:
    """Return the next line with this prefix."""
    while line := response.readline():
        if line.startswith(start):
            return line
    raise AssertionError(f"the stream ended before {start!r}")


#: daphne closes its connections immediately, the others let responses end
@pytest.mark.parametrize(
    ("kind", "cuts"), [("uvicorn", False), ("granian", False), ("daphne", True)]
)
def test_shutdown_ends_open_streams_and_polls_quickly(
    admin_user: object, kind: str, cuts: bool
) -> None:
    with asgi_server(kind) as server, polls(server, 5) as waiting, streams(server, 20) as opened:
        # The polls were sent first and should be waiting; allow for a slow machine.
        time.sleep(0.5)
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(timeout=20)
        assert time.monotonic() - begin < 5
        assert "Traceback" not in server.log.read_text()
        if not cuts:
            assert all(response.read().endswith(b"\n\n") for response in opened)
            for connection in waiting:
                response = connection.getresponse()
                assert (response.status, json.load(response)["results"]) == (200, [])


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("kind", ["uvicorn", "granian"])
def test_shutdown_during_a_slow_login_is_quick(admin_user: object, kind: str, accept: str) -> None:
    # The request starts to wait after its login, when the signal has already been handled.
    settings = {"DJANGO_SETTINGS_MODULE": "tests.rest.slow_login_settings"}
    with asgi_server(kind, **settings) as server:
        connection = connect(server.port)
        connection.request("GET", f"{CHANGES}?wait=50&since=0", headers=ADMIN | {"Accept": accept})
        # The first request of this process has not got past the login yet.
        time.sleep(DELAY / 2)
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert connection.getresponse().status == 200
        server.process.wait(timeout=20)
        assert time.monotonic() - begin < 5
        connection.close()


@pytest.mark.parametrize("kind", ["granian", "daphne"])
def test_other_servers_behave_the_same(admin_user: object, kind: str) -> None:
    with asgi_server(kind) as server:
        for key in ("a%2Fb", "a/../b", "%E2%82%AC%20%25", "%2E%2E", "x%3Fy%23"):
            path = f"/storage/default/entries/{key}"
            assert exchange(server, "PUT", path, b"x").status == 201
            assert exchange(server, "GET", f"{path}?raw").body == b"x"
        assert sorted(storages["default"].list()) == ["..", "a/../b", "a/b", "x?y#", "€ %"]
        for key in ("%FF", "a%C3", "%0A", "%00"):
            answer = exchange(server, "PUT", f"/storage/default/entries/{key}", b"x")
            assert (answer.status, answer.json()["code"]) == (400, "invalid_key")
        chunked = exchange(server, "PUT", "/storage/default/entries/c", iter([b"a", b"b"]))
        assert (chunked.status, storages["default"].read("c")) == (201, b"ab")
        head = exchange(server, "HEAD", "/storage/default/entries/c")
        assert (head.status, head.body, head.headers["ETag"]) == (200, b"", '"6"')
        known = exchange(server, "GET", "/storage/default/entries/c", None, {"If-None-Match": "*"})
        assert (known.status, known.body) == (304, b"")
        with streams(server, 1, f"{CHANGES}?since=5") as (response,):
            assert lines_until(response, b"data:").startswith(b'data: {"revision":6,')


def test_stream_receives_changes_of_another_process(uvicorn: Server, admin_user: object) -> None:
    storage = storages["default"]
    storage.write("a", b"1")
    with streams(uvicorn, 3) as opened:
        epoch = storage.epoch
        for number in range(2, 5):
            storage.write("a", b"x")
            for response in opened:
                expected = f"id: {number}:{epoch}\n".encode()
                assert lines_until(response, f"id: {number}".encode()) == expected
                assert lines_until(response, b"event") == b"event: changes\n"


def test_long_poll_returns_changes_of_another_process(uvicorn: Server, admin_user: object) -> None:
    timer = threading.Timer(0.3, storages["default"].write, ("a", b"x"))
    timer.start()
    begin = time.monotonic()
    answer = exchange(uvicorn, "GET", f"{CHANGES}?wait=50&since=0")
    assert [change["key"] for change in answer.json()["results"]] == ["a"]
    assert time.monotonic() - begin < 20
    timer.join()


def threads_of(server: Server) -> int:
    return int(psutil.Process(server.process.pid).num_threads())


def files_of(server: Server) -> int:
    """Return the number of open files of the database."""
    return sum("sqlite3" in file.path for file in psutil.Process(server.process.pid).open_files())


def test_hundred_streams_hold_no_threads(uvicorn: Server, admin_user: object) -> None:
    with streams(uvicorn, 1):
        threads, files = settled(uvicorn)
    with streams(uvicorn, 100):
        many_threads, many_files = settled(uvicorn)
    # The pool of the loop may have grown to its limit, and the tail has a thread of its own.
    assert many_threads - threads <= 10
    assert many_files - files <= 10


def settled(server: Server) -> tuple[int, int]:
    """Return the numbers of threads and files once they are stable."""
    deadline = time.monotonic() + 20
    last = (threads_of(server), files_of(server))
    while time.monotonic() < deadline:
        time.sleep(0.5)
        now = (threads_of(server), files_of(server))
        if now == last:
            break
        last = now
    return last


def test_abandoned_streams_are_released(uvicorn: Server, admin_user: object) -> None:
    # The tail ends with the last subscription, and its connection ends with the tail.
    with streams(uvicorn, 10):
        storages["default"].write("a", b"x")
    deadline = time.monotonic() + 20
    while files_of(uvicorn) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert files_of(uvicorn) == 0


def test_head_of_a_stream_ends(uvicorn: Server, admin_user: object) -> None:
    answer = exchange(uvicorn, "HEAD", CHANGES, headers=EVENTS)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Type"] == "text/event-stream"


def test_rejected_body_is_not_read_as_the_next_request(uvicorn: Server, admin_user: object) -> None:
    connection = connect(uvicorn.port)
    path = "/storage/default/entries/a"
    for method, body, status in (
        ("PUT", b"x" * (1024 * 1024 + 1), 413),
        ("PUT", b"GET / HTTP/1.1\r\n\r\n", 201),
        ("POST", b"x" * 100_000, 405),
        ("PATCH", b"x" * 100_000, 415),
        ("GET", b"x" * 1000, 200),
        ("DELETE", b"x" * 1000, 204),
    ):
        connection.request(method, path, body, ADMIN)
        response = connection.getresponse()
        content = response.read()
        assert response.status == status
        if status >= 400:
            assert response.headers["Content-Type"] == JSON
            assert content.startswith(b'{"detail"')
    connection.close()
