"""The handshake: sessions, headers, permissions and close codes."""

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
    """A user with only the view permission."""
    user = get_user_model().objects.create_user(name, password="password", **fields)
    user.user_permissions.add(Permission.objects.get(codename="view_entry"))
    return user


def log_in(user: Any) -> str:
    """Return the Cookie header of a new session."""
    client = Client()
    client.force_login(user)
    name = project.SESSION_COOKIE_NAME
    return f"other=1; {name}={client.cookies[name].value}"


def owner_of_keys(user: Any, action: str, alias: str, key: str) -> bool:
    """A policy that allows each user the keys that begin with the user name."""
    return bool(user.is_authenticated and action == "view" and key.startswith(f"{user}:"))


def public(user: Any, action: str, alias: str, key: str) -> bool:
    return alias == "memory"


async def closed_with(**options: Any) -> int:
    """Return the code with which the socket is closed, before any frame gets a response."""
    socket = Socket(**options)
    assert await socket.connect()
    await socket.send(op="watch", id="a", prefix="")
    code = await socket.closed()
    await socket.nothing()
    await socket.communicator.disconnect()
    return code


async def lets_in(**options: Any) -> bool:
    async with Socket(**options) as socket:
        return (await socket.watch())["type"] == "watching"


# Without a user


@pytest.mark.parametrize("alias", ["memory", "default", "unknown"])
async def test_no_login_is_4401(alias: str) -> None:
    assert await closed_with(alias=alias, authorization=None) == 4401


@pytest.mark.parametrize(
    "header",
    [
        basic("admin", "wrong"),
        basic("unknown"),
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
async def test_invalid_header_is_4401(header: str) -> None:
    assert await closed_with(authorization=header) == 4401


@pytest.mark.parametrize("cookie", ["", "sessionid=", "sessionid=unknown", "=;=", "\xff=\xff"])
async def test_invalid_session_cookie_is_4401(cookie: str) -> None:
    assert await closed_with(authorization=None, cookie=cookie) == 4401


async def test_unknown_alias_is_4404() -> None:
    assert await closed_with(alias="unknown") == 4404


# With a user


async def test_login_by_session() -> None:
    user = await sync_to_async(make_user)()
    cookie = await sync_to_async(log_in)(user)
    assert await lets_in(authorization=None, cookie=cookie)


async def test_expired_session_is_4401() -> None:
    user = await sync_to_async(make_user)()
    cookie = await sync_to_async(log_in)(user)
    await Session.objects.aupdate(expire_date=timezone.now() - timedelta(seconds=1))
    assert await closed_with(authorization=None, cookie=cookie) == 4401


async def test_login_by_session_with_a_fallback_secret(settings: Any) -> None:
    # The session must not get a new key, because the browser would not receive it.
    user = await sync_to_async(make_user)()
    cookie = await sync_to_async(log_in)(user)
    keys = [key async for key in Session.objects.values_list("pk", flat=True)]
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    assert await lets_in(authorization=None, cookie=cookie)
    assert [key async for key in Session.objects.values_list("pk", flat=True)] == keys


async def test_login_by_name_and_password() -> None:
    await sync_to_async(make_user)("jörg")
    assert await lets_in(authorization=basic("jörg"))


async def test_login_by_token() -> None:
    token = await Token.objects.acreate(user=await sync_to_async(make_user)())
    assert await lets_in(authorization=f"Token {token.key}")


async def test_login_by_middleware() -> None:
    user = await sync_to_async(make_user)()
    assert await lets_in(authorization=None, user=user)
    assert await closed_with(authorization=None, user=AnonymousUser()) == 4401


@pytest.mark.parametrize("way", ["session", "password", "token", "middleware"])
async def test_inactive_user_is_4401(way: str) -> None:
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


async def test_no_permission_is_4403() -> None:
    await get_user_model().objects.acreate_user("stranger", password="password")
    assert await closed_with(authorization=basic("stranger")) == 4403
    # Only users who are logged in can find out whether an alias exists.
    assert await closed_with(authorization=basic("stranger"), alias="unknown") == 4404


# Policies of the project


async def test_policy_by_key(settings: Any, memory: Any) -> None:
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


async def test_policy_that_allows_anonymous_users(settings: Any) -> None:
    settings.AGENT_MASTER_STORAGE_PERMISSION = public
    assert await lets_in(authorization=None)
    assert await closed_with(authorization=None, alias="default") == 4401
    # Credentials that are given must still be valid.
    assert await closed_with(authorization=basic("admin", "wrong")) == 4401


@pytest.mark.parametrize("path", ["/ws/storage/memory/", "/ws/storage/memory"])
async def test_path_with_and_without_trailing_slash(admin_user: Any, path: str) -> None:
    headers = [(b"authorization", basic("admin").encode())]
    communicator = WebsocketCommunicator(URLRouter(websocket_urlpatterns), path, headers)
    assert (await communicator.connect(timeout=TIMEOUT))[0]
    await communicator.send_json_to({"op": "ping"})
    assert await communicator.receive_json_from(timeout=TIMEOUT) == {"type": "pong"}
    await communicator.disconnect(timeout=TIMEOUT)
