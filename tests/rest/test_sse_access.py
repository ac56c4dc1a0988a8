"""Event streams: revoked permissions and clients that disconnect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.test import AsyncClient
from rest_framework.authtoken.models import Token

from agent_master_storage import shutdown
from agent_master_storage.rest import sse

from .api import COMMITTED, COMMITTING, refused
from .sse_client import TIMEOUT, Stream, asgi_request

pytestmark = COMMITTED


@pytest.fixture(params=COMMITTING)
def stream(request: pytest.FixtureRequest, agent: AsyncClient) -> Stream:
    return Stream(agent, request.param)


@pytest.fixture
def watchful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check the permission again at every step, with short steps."""
    monkeypatch.setattr(sse, "RECHECK_INTERVAL", 0.0)
    monkeypatch.setattr(sse, "HEARTBEAT_INTERVAL", 0.05)


def viewer() -> User:
    user = User.objects.create_user("ann", password="password")
    user.user_permissions.add(Permission.objects.get(codename="view_entry"))
    return user


ENDINGS: dict[str, Callable[[User], object]] = {
    "permission": lambda user: user.user_permissions.clear(),
    "inactive": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    "deleted": lambda user: user.delete(),
    "session": lambda user: Session.objects.all().delete(),
    "password": lambda user: (user.set_password("other"), user.save()),
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_revoked_permission_ends_the_stream(
    agent: AsyncClient, watchful: None, ending: str
) -> None:
    user = await sync_to_async(viewer)()
    client = AsyncClient()
    await client.aforce_login(user)
    stream = Stream(client, "memory")
    opened = await stream.open()
    for _ in range(4):
        assert "event" not in await opened.next()
    await sync_to_async(ENDINGS[ending])(user)
    last = await opened.end()
    assert (last["event"], last["data"]["code"]) == ("error", "permission_denied")
    await stream.subscribed(0)


async def test_nothing_is_sent_after_permission_is_revoked(
    agent: AsyncClient, watchful: None
) -> None:
    user = await sync_to_async(viewer)()
    client = AsyncClient()
    await client.aforce_login(user)
    stream = Stream(client, "memory")
    opened = await stream.open()
    await opened.next()
    await sync_to_async(user.user_permissions.clear)()
    await stream.write("secret")
    assert (await opened.next()).get("event") == "error"


async def test_revoked_token_ends_the_stream(agent: AsyncClient, watchful: None) -> None:
    user = await sync_to_async(viewer)()
    token = await sync_to_async(Token.objects.create)(user=user)
    stream = Stream(AsyncClient(), "memory", Authorization=f"Token {token.key}")
    opened = await stream.open(since=0)
    await stream.write("a")
    assert (await opened.change())["revision"] == 1
    await sync_to_async(token.delete)()
    assert (await opened.end())["data"]["code"] == "permission_denied"


async def test_stream_continues_while_permission_lasts(stream: Stream, watchful: None) -> None:
    opened = await stream.open()
    for number in range(1, 6):
        await stream.write("a")
        assert (await opened.change())["revision"] == number
    await opened.close()


async def test_stream_without_permission_is_rejected(agent: AsyncClient) -> None:
    await sync_to_async(User.objects.create_user)("eve", password="password")
    client = AsyncClient()
    refused(await Stream(client, "memory").request(), 401, "not_authenticated")
    await client.aforce_login(await User.objects.aget(username="eve"))
    refused(await Stream(client, "memory").request(), 403, "permission_denied")


async def test_closed_stream_leaves_no_subscription(stream: Stream) -> None:
    before = len(shutdown._callbacks)
    opened = [await stream.open() for _ in range(5)]
    for each in opened:
        await each.next()
    await stream.subscribed(5)
    for each in opened:
        await each.close()
    await stream.subscribed(0)
    assert len(shutdown._callbacks) == before


async def test_response_that_is_never_sent_holds_no_subscription(stream: Stream) -> None:
    before = len(shutdown._callbacks)
    for _ in range(3):
        assert (await stream.request()).status_code == 200
    assert not stream.storage.tail._subscriptions
    assert len(shutdown._callbacks) == before


def cookies(client: AsyncClient) -> str:
    return client.cookies.output(header="", attrs=[]).strip()


async def test_disconnect_ends_the_stream(stream: Stream) -> None:
    request = asgi_request(stream.path, cookies(stream.client))
    await request.send_input({"type": "http.request", "body": b""})
    begin = await request.receive_output(TIMEOUT)
    assert begin["status"] == 200
    first = await request.receive_output(TIMEOUT)
    assert first["body"].startswith(b"retry:")
    await stream.subscribed(1)
    await request.send_input({"type": "http.disconnect"})
    await request.wait(TIMEOUT)
    await stream.subscribed(0)


async def test_disconnect_ends_a_long_poll(stream: Stream) -> None:
    request = asgi_request(f"{stream.path}?wait=50&since=0", cookies(stream.client), "*/*")
    await request.send_input({"type": "http.request", "body": b""})
    await stream.subscribed(1)
    await request.send_input({"type": "http.disconnect"})
    await request.wait(TIMEOUT)
    await stream.subscribed(0)


async def test_disconnect_at_any_moment(stream: Stream) -> None:
    # Also while the subscription is opened, which continues in a thread.
    before = len(shutdown._callbacks)
    for number in range(20):
        path = stream.path if number % 2 else f"{stream.path}?wait=50&since=0"
        accept = "text/event-stream" if number % 2 else "*/*"
        request = asgi_request(path, cookies(stream.client), accept)
        await request.send_input({"type": "http.request", "body": b""})
        await asyncio.sleep(number * 0.002)
        await request.send_input({"type": "http.disconnect"})
        await request.wait(TIMEOUT)
    await stream.subscribed(0)
    assert len(shutdown._callbacks) == before
