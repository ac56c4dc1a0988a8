"""The demo as ``make demo`` starts it: the same commands, a browser's steps, other processes."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, build_opener

import psycopg
import pytest
import redis
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from .support.demo_server import Browser, Demo
from .support.servers import postgres_address

#: seconds within which a frame must come
FRAME_TIMEOUT = 10.0

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    demo = Demo(tmp_path_factory.mktemp("demo"))
    demo.set_up()
    with demo.serving():
        yield demo


@pytest.fixture
def visitor(demo: Demo) -> Browser:
    return Browser(demo.site)


@pytest.fixture
def user(demo: Demo) -> Browser:
    browser = Browser(demo.site)
    status, page = browser.log_in()
    assert status == 200
    assert 'data-user="demo"' in page
    return browser


def watch(socket: ClientConnection, **frame: Any) -> None:
    socket.send(json.dumps({"op": "watch", "id": "all", "prefix": "", **frame}))


def receive(socket: ClientConnection, type: str) -> dict[str, Any]:
    """The next frame of ``type``."""
    while True:
        frame: dict[str, Any] = json.loads(socket.recv(timeout=FRAME_TIMEOUT))
        if frame["type"] == type:
            return frame


def close_code(socket: ClientConnection) -> int | None:
    """The code with which the server closes; frames before it are dropped."""
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            socket.recv(timeout=FRAME_TIMEOUT)
    return None if caught.value.rcvd is None else caught.value.rcvd.code


def test_the_shell_is_open_and_holds_no_data(visitor: Browser) -> None:
    status, page = visitor.open("/")
    assert status == 200
    assert "The data needs a login." in page
    assert "targets:" not in page
    assert 'id="board"' not in page


def test_what_the_shell_loads_is_there_and_its_own(visitor: Browser) -> None:
    _, page = visitor.open("/")
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert links
    assert all(link.startswith("/") and not link.startswith("//") for link in links), links
    for link in links:
        assert visitor.open(link)[0] in (200, 401), link
    # Modules name each other; a missing one is a page that stays empty.
    modules = {"live.js"}
    for name in (seen := list(modules)):
        status, source = visitor.open(f"/static/demo/{name}")
        assert status == 200, name
        found = set(re.findall(r'from "\./([\w.]+)"', source)) - modules
        modules |= found
        seen.extend(found)
    assert {"watch.js", "entries.js", "stream.js", "value.js"} <= modules


def test_data_needs_a_login(visitor: Browser) -> None:
    with visitor.socket() as socket:
        assert close_code(socket) == 4401
    status, answer = visitor.open("/storage/default/entries")
    assert status == 401
    assert "config" not in answer


def test_a_wrong_password_is_refused(visitor: Browser) -> None:
    status, page = visitor.log_in(password="wrong")
    assert status == 200
    assert 'role="alert"' in page
    with visitor.socket() as socket:
        assert close_code(socket) == 4401


def test_the_page_names_the_storages(user: Browser) -> None:
    _, page = user.open("/")
    assert re.findall(r"<option>(\w+)<", page) == ["default", "scratch"]
    assert "/admin/agent_master_storage/entry/" in page


def test_the_socket_tells_the_sample_data(user: Browser) -> None:
    with user.socket() as socket:
        watch(socket, snapshot=True, progress=5)
        assert receive(socket, "watching")["revision"] > 0
        snapshot = receive(socket, "snapshot")
    values = {entry["key"]: entry["value"] for entry in snapshot["entries"]}
    config = json.loads(values["config"])
    transports = {server["transport"] for server in config["servers"].values()}
    assert {"stdio", "http"} <= transports
    assert "${GITHUB_TOKEN}" in values["config"]
    assert "mcpServers" in json.loads(values["targets:cursor:config"])
    assert "mcpServers" in json.loads(values["targets:claude-desktop:config"])
    assert {"servers", "inputs"} == set(json.loads(values["targets:vscode:config"]))


def test_a_write_of_another_process_arrives(demo: Demo, user: Browser) -> None:
    with user.socket() as socket:
        watch(socket)
        receive(socket, "watching")
        said = demo.python("with actor('import'): print(storage.write('note', b'hello'))")
        frame = receive(socket, "changes")
    assert frame["revision"] == int(said)
    change = frame["changes"][-1]
    assert (change["key"], change["value"], change["actor"]) == ("note", "hello", "import")


def test_a_put_arrives_and_a_resumed_watch_misses_nothing(demo: Demo, user: Browser) -> None:
    with user.socket() as socket:
        watch(socket)
        started = receive(socket, "watching")
    for number in range(3):
        put(demo, "default", "counter", str(number))
    with user.socket() as socket:
        watch(socket, since=started["revision"], epoch=started["epoch"])
        changes: list[dict[str, Any]] = []
        while len(changes) < 3:
            changes += receive(socket, "changes")["changes"]
    assert [change["value"] for change in changes] == ["0", "1", "2"]
    assert {change["actor"] for change in changes} == {"demo"}


def test_the_storage_in_memory_is_live_too(demo: Demo, user: Browser) -> None:
    with user.socket("scratch") as socket:
        watch(socket, snapshot=True)
        receive(socket, "snapshot")
        put(demo, "scratch", "hello", "world")
        assert receive(socket, "changes")["changes"][0]["value"] == "world"


def put(demo: Demo, alias: str, key: str, value: str) -> None:
    """As the command that the page suggests."""
    url = f"{demo.site}/storage/{alias}/entries/{key}"
    request = Request(
        url,
        value.encode(),
        {
            "Content-Type": "application/octet-stream",
            "Authorization": "Basic ZGVtbzpkZW1v",
        },
        method="PUT",
    )
    with build_opener().open(request, timeout=20) as response:
        assert response.status in (200, 201)


@pytest.mark.parametrize(
    "path",
    [
        "/admin/",
        "/admin/agent_master_storage/entry/",
        # Where the page's links to an entry lead.
        "/admin/agent_master_storage/entry/default_2Ftargets_3Acursor_3Aconfig/change/",
        "/admin/agent_master_storage/entry/default_2Ftargets_3Acursor_3Aconfig/history/",
        "/admin/agent_master_storage_engine/mcpserver/",
        "/admin/agent_master_storage_engine/mcpserver/default_2Fgithub/change/",
        "/docs/",
        "/schema/",
    ],
)
def test_the_other_pages_answer(user: Browser, path: str) -> None:
    status, page = user.open(path)
    assert status == 200
    assert page


def test_the_api_answers_in_json(user: Browser) -> None:
    status, answer = user.open("/storage/")
    assert status == 200
    assert {"default", "scratch"} <= set(re.findall(r'"alias":\s*"(\w+)"', answer))
    status, answer = user.open("/storage/default/entries?prefix=targets:")
    keys = [entry["key"] for entry in json.loads(answer)["results"]]
    assert keys == [f"targets:{name}:config" for name in ("claude-desktop", "cursor", "vscode")]


def test_the_engine_answers_too(user: Browser) -> None:
    status, answer = user.open("/engine/default/servers?transport=sse")
    assert [server["name"] for server in json.loads(answer)["results"]] == ["linear"]
    status, answer = user.open("/engine/default/destinations/vscode/preview")
    assert status == 200
    assert json.loads(answer)["destination"] == "vscode"


def test_log_out_ends_the_access(user: Browser) -> None:
    token = next(cookie.value for cookie in user.cookies if cookie.name == "csrftoken")
    status, page = user.open("/logout/", {"csrfmiddlewaretoken": token or ""})
    assert status == 200
    assert "The data needs a login." in page
    with user.socket() as socket:
        assert close_code(socket) == 4401


def test_seeding_again_changes_nothing(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    said = demo.set_up()
    assert f"{demo.site}/docs/" in said
    assert "user demo, password demo" in said
    edit = """
from django.contrib.auth.models import User
user = User.objects.get(username="demo"); user.set_password("mine"); user.save()
storage.write("config", b"{}")
print(storage.revision)
"""
    revision = demo.python(edit)
    assert "is there already" in demo.set_up()
    look = """
from django.contrib.auth.models import User
print(storage.revision, storage.read("config"), User.objects.get().check_password("mine"))
"""
    assert demo.python(look) == f"{revision} b'{{}}' True"


def test_a_taken_port_is_told_of(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    assert "is taken" not in demo.set_up()
    with socket.create_server(("127.0.0.1", demo.port)):
        hint = f"port {demo.port} is taken; for another one: PORT={demo.port + 1} make demo"
        assert hint in demo.set_up()


def test_a_socket_of_no_route_is_refused(user: Browser) -> None:
    with user.socket("bogus/bogus") as socket:
        assert close_code(socket) == 4404


def test_without_debug_there_is_no_well_known_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_DEBUG", "0")
    monkeypatch.setenv("DEMO_SECRET_KEY", "a-secret-of-the-test")
    demo = Demo(tmp_path)
    assert "password" not in demo.set_up()
    users = "from django.contrib.auth.models import User; print(User.objects.count())"
    assert demo.python(users) == "0"


def test_with_redis_it_has_a_storage_that_an_engine_shares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    demo = Demo(tmp_path)
    demo.set_up()
    with demo.serving(), redis.Redis.from_url(redis_url) as engine:
        try:
            _watch_the_engine(demo, engine)
        finally:
            engine.delete(*engine.keys("agent-master[:/]*"))


def _watch_the_engine(demo: Demo, engine: redis.Redis) -> None:
    engine.set("agent-master:config", b"before")
    browser = Browser(demo.site)
    browser.log_in()
    assert ">redis</option>" in browser.open("/")[1]
    assert '"config"' in browser.open("/storage/redis/entries?format=json")[1]
    with browser.socket("redis") as socket:
        watch(socket, snapshot=True)
        [entry] = receive(socket, "snapshot")["entries"]
        assert (entry["key"], entry["value"], entry["revision"]) == ("config", "before", 1)
        engine.set("agent-master:config", b"after")
        [change] = receive(socket, "changes")["changes"]
        assert (change["value"], change["revision"]) == ("after", 2)
    assert browser.open("/storage/redis/entries/config")[0] == 200


@pytest.fixture
def database_url() -> Iterator[str]:
    """A database of its own, empty."""
    server = postgres_address()
    address = f"{server['USER']}:{server['PASSWORD']}@{server['HOST']}:{server['PORT']}"
    with psycopg.connect(f"postgresql://{address}/postgres", autocommit=True) as admin:
        admin.execute("CREATE DATABASE demo")
        yield f"postgresql://{address}/demo"
        admin.execute("DROP DATABASE demo WITH (FORCE)")


def test_with_a_database_s_url_it_is_on_postgresql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    demo = Demo(tmp_path)
    demo.set_up()
    assert not list(tmp_path.iterdir())
    with demo.serving():
        browser = Browser(demo.site)
        browser.log_in()
        assert "PostgreSQLStorage" in browser.open("/storage/default/?format=json")[1]
        with browser.socket() as socket:
            watch(socket)
            receive(socket, "watching")
            # From another process.
            demo.python('storage.write("config", b"notified")')
            [change] = receive(socket, "changes")["changes"]
            assert change["value"] == "notified"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_time_and_says_goodbye(tmp_path: Path, number: signal.Signals) -> None:
    demo = Demo(tmp_path)
    demo.set_up()
    with demo.serving() as server:
        browser = Browser(demo.site)
        browser.log_in()
        with browser.socket() as socket:
            watch(socket, snapshot=True)
            receive(socket, "snapshot")
            started = time.monotonic()
            server.send_signal(number)
            assert close_code(socket) == 1012
            server.wait(5)
    assert time.monotonic() - started < 5
