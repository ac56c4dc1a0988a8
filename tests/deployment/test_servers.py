"""The same behaviour on every server: handshake, frames, changes of other processes, logs."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client as Browser
from websockets.exceptions import ConnectionClosed, InvalidStatus

from agent_master_storage import Delete, Write, storages
from agent_master_storage.consumers.consumer import StorageConsumer

from ..consumers.client import basic
from ..support.processes import Server
from .client import client, clients

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def storage() -> Any:
    """A shared database; each server process has an adapter of its own."""
    return storages["default"]


async def test_snapshot_then_changes(server: Server, storage: Any) -> None:
    await storage.awrite("config", b"{}")
    async with client(server) as socket:
        answer = await socket.watch(snapshot=True)
        page = await socket.receive()
        assert [entry["value"] for entry in page["entries"]] == ["{}"]
        await storage.awrite("config", "ä\U0001f600".encode())
        await storage.acommit([Write("binary", b"\xff"), Delete("config")])
        found = await socket.changes_until(answer["revision"] + 2)
        assert [(c["type"], c["key"], c["value"]) for c in found] == [
            ("write", "config", "ä\U0001f600"),
            ("write", "binary", "/w=="),
            ("delete", "config", None),
        ]
        await socket.send(op="unwatch", id="a")
        assert await socket.receive() == {"type": "unwatched", "id": "a"}


async def test_every_socket_of_every_worker_receives_changes(server: Server, storage: Any) -> None:
    # There is one tail per process, whichever process accepts a socket.
    async with clients(server, 20) as sockets:
        starts = [(await socket.watch())["revision"] for socket in sockets]
        for number in range(50):
            await storage.awrite(f"k{number % 7}", b"%d" % number)
        for socket, start in zip(sockets, starts, strict=True):
            found = await socket.changes_until(start + 50)
            assert [c["revision"] for c in found] == list(range(start + 1, start + 51))


async def test_invalid_frames(server: Server) -> None:
    async with client(server) as socket:
        frames: list[str | bytes] = ["", "{", "[" * 5000, '{"op": NaN}', '"\\ud800"']
        # daphne drops an empty binary frame.
        frames += [b"\x00", b"{}"]
        for frame in frames:
            await socket.connection.send(frame)
            error = await socket.receive()
            assert (error["type"], error["code"]) == ("error", "invalid_frame"), frame
        await socket.send(op="watch", id="\ud800", key="k")
        assert (await socket.receive())["id"] == "\ud800"
        await socket.connection.send("x" * (StorageConsumer.max_frame_size + 1))
        assert (await socket.receive())["code"] == "frame_too_large"
        await socket.send(op="ping")
        assert await socket.receive() == {"type": "pong"}


async def test_page_of_several_mib(server: Server, storage: Any) -> None:
    await storage.acommit([Write(f"k{number}", b"x" * 900_000) for number in range(6)])
    async with client(server) as socket:
        await socket.watch(snapshot=True)
        pages = []
        while not pages or pages[-1]["more"]:
            pages.append(await socket.receive())
        assert len(pages) == 2
        assert sum(len(page["entries"]) for page in pages) == 6


async def code_of(server: Server, alias: str = "default", **headers: str | None) -> int | None:
    async with client(server, alias, **headers) as socket:
        return await socket.closed()


async def test_close_codes(server: Server) -> None:
    assert await code_of(server, Authorization=None) == 4401
    assert await code_of(server, Authorization=basic("admin", "wrong")) == 4401
    assert await code_of(server, alias="unknown") == 4404


async def test_login_by_session(server: Server, admin_user: Any) -> None:
    browser = Browser()
    await sync_to_async(browser.force_login)(admin_user)
    cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"
    async with client(server, Authorization=None, Cookie=cookie, Origin=server.url) as socket:
        await socket.watch()
        await browser.alogout()


async def test_foreign_origin_is_rejected(server: Server) -> None:
    for origin in ("http://evil.example", "null", "http://["):
        with pytest.raises(InvalidStatus) as refused:
            await code_of(server, Origin=origin)
        # daphne itself rejects an Origin that is not a URL.
        assert refused.value.response.status_code in ((400, 403) if "[" in origin else (403,))


async def test_clients_that_disconnect_abruptly(server: Server, storage: Any) -> None:
    # They close the connection during traffic; the servers log no errors.
    before = len(server.log.read_text())
    async with clients(server, 10) as sockets:
        for socket in sockets:
            await socket.watch("a", snapshot=True, progress=0.1)
        for number in range(30):
            await storage.awrite(f"k{number}", b"x" * 200_000)
            if number < len(sockets):
                sockets[number].connection.transport.abort()
    async with client(server) as socket:
        await socket.watch(snapshot=True)
    await asyncio.sleep(0.3)
    assert "Traceback" not in server.log.read_text()[before:]


async def test_limit_of_watches(server: Server) -> None:
    async with client(server) as socket:
        frames = [
            json.dumps({"op": "watch", "id": str(number), "key": f"k{number}"})
            for number in range(StorageConsumer.max_watches + 1)
        ]
        sending = asyncio.create_task(send_all(socket.connection, frames))
        answers = [await socket.receive() for _ in frames]
        await sending
        assert {answer["type"] for answer in answers[:-1]} == {"watching"}
        assert answers[-1]["code"] == "too_many_watches"


async def send_all(connection: Any, frames: list[str]) -> None:
    try:
        for frame in frames:
            await connection.send(frame)
    except ConnectionClosed as closed:
        raise AssertionError(f"closed under its frames: {closed}") from closed
