"""Who is let in: sessions, headers, permissions; and with which code the others are closed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.conf import settings as project
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, Permission
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from rest_framework.authtoken.models import Token

from agent_master_storage.routing import websocket_urlpatterns
from agent_master_storage.testing.base import TIMEOUT

from .client import Socket, basic

pytestmark = pytest.mark.django_db(transaction=True)


def make_user(name: str = "reader", **fields: Any) -> Any:
    """A user who may view, and no more."""
    user = get_user_model().objects.create_user(name, password="password", **fields)
    user.user_permissions.add(Permission.objects.get(codename="view_entry"))
    return user


def log_in(user: Any) -> str:
    """The Cookie header of a new session."""
    client = Client()
    client.force_login(user)
    name = project.SESSION_COOKIE_NAME
    return f"other=1; {name}={client.cookies[name].value}"


def owner_of_keys(user: Any, action: str, alias: str, key: str) -> bool:
    """A project's rule: everybody has the keys that begin with his name."""
    return bool(user.is_authenticated and action == "view" and key.startswith(f"{user}:"))


def public(user: Any, action: str, alias: str, key: str) -> bool:
    return alias == "memory"


async def closed_with(**options: Any) -> int:
    """The code that such a visitor is closed with, before any of his frames is answered."""
    socket = Socket(**options)
    assert await socket.connect()
    await socket.send(op="watch", id="a", prefix="")
    code = await socket.closed()
    await socket.nothing()
    await socket.line.disconnect()
    return code


async def lets_in(**options: Any) -> bool:
    async with Socket(**options) as socket:
        return (await socket.watch())["type"] == "watching"


# Nobody


@pytest.mark.parametrize("alias", ["memory", "default", "unknown"])
async def test_without_a_login(alias: str) -> None:
    assert await closed_with(alias=alias, authorization=None) == 4401


@pytest.mark.parametrize(
    "header",
    [
        basic("admin", "wrong"),
        basic("nobody"),
        "Basic",
        "Basic !",
        "Basic a b",
        "Token unknown",
        "Token",
        "Bearer unknown",
        "",
        "\xff",
    ],
    ids=ascii,
)
async def test_a_wrong_header(header: str) -> None:
    assert await closed_with(authorization=header) == 4401


@pytest.mark.parametrize("cookie", ["", "sessionid=", "sessionid=unknown", "=;=", "\xff=\xff"])
async def test_a_cookie_of_no_session(cookie: str) -> None:
    assert await closed_with(authorization=None, cookie=cookie) == 4401


async def test_an_unknown_alias() -> None:
    assert await closed_with(alias="unknown") == 4404


# Somebody


async def test_by_session() -> None:
    user = await sync_to_async(make_user)()
    cookie = await sync_to_async(log_in)(user)
    assert await lets_in(authorization=None, cookie=cookie)


async def test_by_a_session_that_has_ended() -> None:
    user = await sync_to_async(make_user)()
    cookie = await sync_to_async(log_in)(user)
    await Session.objects.aupdate(expire_date=timezone.now() - timedelta(seconds=1))
    assert await closed_with(authorization=None, cookie=cookie) == 4401


async def test_by_a_session_under_an_older_secret(settings: Any) -> None:
    """The session must not be given a new key, which the browser would never hear of."""
    user = await sync_to_async(make_user)()
    cookie = await sync_to_async(log_in)(user)
    keys = [key async for key in Session.objects.values_list("pk", flat=True)]
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    assert await lets_in(authorization=None, cookie=cookie)
    assert [key async for key in Session.objects.values_list("pk", flat=True)] == keys


async def test_by_name_and_password() -> None:
    await sync_to_async(make_user)("jörg")
    assert await lets_in(authorization=basic("jörg"))


async def test_by_token() -> None:
    token = await Token.objects.acreate(user=await sync_to_async(make_user)())
    assert await lets_in(authorization=f"Token {token.key}")


async def test_by_a_middleware() -> None:
    user = await sync_to_async(make_user)()
    assert await lets_in(authorization=None, user=user)
    assert await closed_with(authorization=None, user=AnonymousUser()) == 4401


@pytest.mark.parametrize("way", ["session", "password", "token", "middleware"])
async def test_an_inactive_user(way: str) -> None:
    user = await sync_to_async(make_user)()
    headers: dict[str, Any] = {"authorization": None}
    if way == "session":
        headers["cookie"] = await sync_to_async(log_in)(user)
    elif way == "password":
        headers["authorization"] = basic("reader")
    elif way == "token":
        headers["authorization"] = f"Token {(await Token.objects.acreate(user=user)).key}"
    else:
        headers["user"] = user
    await get_user_model().objects.filter(pk=user.pk).aupdate(is_active=False)
    assert await closed_with(**headers) == 4401


async def test_without_permission() -> None:
    await get_user_model().objects.acreate_user("stranger", password="password")
    assert await closed_with(authorization=basic("stranger")) == 4403
    # Whether there is such an alias is told to those who are logged in.
    assert await closed_with(authorization=basic("stranger"), alias="unknown") == 4404


# A rule of the project


async def test_a_rule_that_tells_keys_apart(settings: Any, memory: Any) -> None:
    settings.AGENT_MASTER_STORAGE_PERMISSION = "tests.consumers.test_handshake.owner_of_keys"
    await sync_to_async(make_user)()
    async with Socket(authorization=basic("reader")) as socket:
        for fields in ({"prefix": ""}, {"prefix": "reader"}, {"key": "admin:k"}):
            await socket.send(op="watch", id="a", **fields)
            await socket.error("permission_denied", "a")
        await socket.watch("a", prefix="reader:")
        await socket.watch("b", key="reader:k")
        await memory.awrite("admin:k", b"")
        await memory.awrite("reader:k", b"")
        assert {(await socket.receive())["revision"] for _ in range(2)} == {2}
    assert await closed_with(authorization=None) == 4401


async def test_a_rule_that_opens_a_storage_to_all(settings: Any) -> None:
    settings.AGENT_MASTER_STORAGE_PERMISSION = public
    assert await lets_in(authorization=None)
    assert await closed_with(authorization=None, alias="default") == 4401
    # Who says who he is must be right.
    assert await closed_with(authorization=basic("admin", "wrong")) == 4401


@pytest.mark.parametrize("path", ["/ws/storage/memory/", "/ws/storage/memory"])
async def test_the_address(admin_user: Any, path: str) -> None:
    headers = [(b"authorization", basic("admin").encode())]
    line = WebsocketCommunicator(URLRouter(websocket_urlpatterns), path, headers)
    assert (await line.connect(timeout=TIMEOUT))[0]
    await line.send_json_to({"op": "ping"})
    assert await line.receive_json_from(timeout=TIMEOUT) == {"type": "pong"}
    await line.disconnect(timeout=TIMEOUT)
