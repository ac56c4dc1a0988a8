"""Permissions that are revoked while a socket is open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from rest_framework.authtoken.models import Token

from agent_master_storage.authentication import Identity
from agent_master_storage.consumers.consumer import StorageConsumer

from .client import A_WHILE, Socket, basic
from .test_handshake import log_in, make_user

pytestmark = pytest.mark.django_db(transaction=True)

OFTEN = {"recheck_interval": 0.05}

Loss = Callable[[Any], object]


def lose_permission(user: Any) -> None:
    user.user_permissions.clear()


def become_inactive(user: Any) -> None:
    get_user_model().objects.filter(pk=user.pk).update(is_active=False)


def be_deleted(user: Any) -> None:
    user.delete()


def log_out(user: Any) -> None:
    Session.objects.all().delete()


def change_password(user: Any) -> None:
    user.set_password("another")
    user.save()


def lose_token(user: Any) -> None:
    Token.objects.all().delete()


def headers_of(user: Any, way: str) -> dict[str, Any]:
    if way == "session":
        return {"authorization": None, "cookie": log_in(user)}
    if way == "token":
        return {"authorization": f"Token {Token.objects.create(user=user).key}"}
    if way == "middleware":
        return {"authorization": None, "user": user}
    return {"authorization": basic("reader")}


def test_revocation_takes_less_than_a_minute() -> None:
    assert StorageConsumer.recheck_interval + sum(StorageConsumer.recheck_pauses) < 60


@pytest.mark.parametrize(
    ("way", "loss", "code"),
    [
        (way, loss, code)
        for way in ("session", "password", "token", "middleware")
        for loss, code in ((lose_permission, 4403), (become_inactive, 4401), (be_deleted, 4401))
    ]
    + [
        ("session", log_out, 4401),
        ("session", change_password, 4401),
        ("password", change_password, 4401),
        ("token", lose_token, 4401),
    ],
)
async def test_revoked_user_stops_receiving(memory: Any, way: str, loss: Loss, code: int) -> None:
    user = await sync_to_async(make_user)()
    headers = await sync_to_async(headers_of)(user, way)
    async with Socket(limits=OFTEN, **headers) as socket:
        await socket.watch()
        await memory.awrite("k", b"")
        await socket.changes()
        await sync_to_async(loss)(user)
        assert await socket.closed() == code
        assert memory.tail._subscriptions == {}
        await memory.awrite("k", b"secret")
        await socket.send(op="watch", id="b", key="k")
        await socket.nothing()


async def test_socket_stays_open_while_permission_lasts(memory: Any) -> None:
    async with Socket(limits=OFTEN) as socket:
        await socket.watch()
        await asyncio.sleep(3 * A_WHILE)
        await memory.awrite("k", b"")
        await socket.changes()


async def test_permission_for_some_keys_is_revoked(memory: Any, settings: Any) -> None:
    lost: set[str] = set()
    settings.AGENT_MASTER_STORAGE_PERMISSION = lambda user, action, alias, key: key not in lost
    async with Socket(limits=OFTEN) as socket:
        await socket.watch("a", key="a")
        await socket.watch("b", key="b")
        lost.add("a")
        await socket.error("permission_denied", "a")
        await memory.awrite("a", b"secret")
        await memory.awrite("b", b"")
        assert [change["key"] for change in await socket.changes("b")] == ["b"]
        await socket.send(op="watch", id="a", key="a")
        await socket.error("permission_denied", "a")
        lost.clear()
        await socket.watch("a", key="a")


async def test_client_that_does_not_read_receives_nothing_after_revocation(memory: Any) -> None:
    # It receives only frames that were already sent, however late it reads.
    user = await sync_to_async(make_user)()
    async with Socket(backlog=1, limits=OFTEN, authorization=basic("reader")) as socket:
        await socket.watch("a")
        await socket.watch("b")
        for _ in range(20):
            await memory.awrite("k", b"")
            await asyncio.sleep(0.001)
        await asyncio.sleep(A_WHILE)
        await sync_to_async(lose_permission)(user)
        await asyncio.sleep(2 * A_WHILE)
        assert memory.tail._subscriptions == {}
        assert (await socket.message())["type"] == "websocket.send"
        assert await socket.closed() == 4403


async def test_short_outage_of_the_database_keeps_the_socket_open(
    memory: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    user, failures = Identity.user, []

    def failing(self: Identity) -> Any:
        if len(failures) < 3:
            failures.append(self)
            raise DatabaseError("as the test wants it")
        return user(self)

    async with Socket(limits={**OFTEN, "recheck_pauses": (0.01,) * 3}) as socket:
        await socket.watch()
        monkeypatch.setattr(Identity, "user", failing)
        await asyncio.sleep(2 * A_WHILE)
        assert len(failures) == 3
        await memory.awrite("k", b"")
        await socket.changes()
    assert "as the test wants it" in caplog.text


async def test_long_outage_of_the_database_closes_the_socket(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The permission cannot be verified, so access ends.

    def failing(self: Identity) -> Any:
        raise DatabaseError("as the test wants it")

    async with Socket(limits={**OFTEN, "recheck_pauses": (0.01,) * 3}) as socket:
        await socket.watch()
        monkeypatch.setattr(Identity, "user", failing)
        assert await socket.closed() == 1011
        assert memory.tail._subscriptions == {}


async def test_password_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # Hashing takes a good part of a second of CPU, too much for each check of each socket.
    await sync_to_async(make_user)()
    checks: list[object] = []

    def counting(*args: Any, **kwargs: Any) -> bool:
        checks.append(args)
        return check_password(*args, **kwargs)

    monkeypatch.setattr("django.contrib.auth.base_user.check_password", counting)
    async with Socket(limits=OFTEN, authorization=basic("reader")) as socket:
        await socket.watch()
        await asyncio.sleep(3 * A_WHILE)
        assert await socket.works()
    assert len(checks) == 1
