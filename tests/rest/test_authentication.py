"""The project's authentication and throttling apply, also in the asynchronous view."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import AsyncClient, Client
from rest_framework import authentication
from rest_framework.authtoken.models import Token
from rest_framework.throttling import AnonRateThrottle, UserRateThrottle
from rest_framework.views import APIView

from .api import COMMITTED, ISOLATED, JSON, MERGE_PATCH, Api, refused
from .conftest import LogIn

COMMIT = json.dumps({"operations": []})
REQUESTS = [
    ("GET", "", ""),
    ("GET", "memory/", ""),
    ("GET", "memory/entries", ""),
    ("GET", "memory/entries/a", ""),
    ("PUT", "memory/entries/a", "{}"),
    ("PATCH", "memory/entries/a", "{}"),
    ("DELETE", "memory/entries/a", ""),
    ("POST", "memory/commit", COMMIT),
    ("GET", "memory/changes", ""),
    ("OPTIONS", "memory/changes", ""),
]
TYPES = {"PATCH": MERGE_PATCH, "POST": JSON}


def send(client: Client, method: str, path: str, body: str, **headers: str) -> Any:
    content_type = TYPES.get(method, "application/octet-stream")
    return client.generic(method, f"/storage/{path}", body, content_type, headers=headers)


def use(monkeypatch: pytest.MonkeyPatch, **attributes: Any) -> None:
    """Change the project's DRF defaults, which DRF reads once into class attributes."""
    for name, value in attributes.items():
        monkeypatch.setattr(APIView, name, value)


class RenamedToken(authentication.TokenAuthentication):
    keyword = "Bearer"


@ISOLATED
@pytest.mark.parametrize(
    ("classes", "challenge"),
    [
        ([authentication.SessionAuthentication], 'Session realm="api"'),
        ([authentication.SessionAuthentication, RenamedToken], "Bearer"),
        ([authentication.BasicAuthentication], 'Basic realm="api"'),
    ],
)
@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_anonymous_users_are_rejected(
    monkeypatch: pytest.MonkeyPatch, classes: Any, challenge: str, method: str, path: str, body: str
) -> None:
    use(monkeypatch, authentication_classes=classes)
    answer = send(Client(), method, path, body)
    refused(answer, 401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == challenge


@ISOLATED
def test_anonymous_user_without_authenticators_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, authentication_classes=[])
    for method, path, body in REQUESTS:
        refused(send(Client(), method, path, body), 403, "permission_denied")


@ISOLATED
@pytest.mark.parametrize(
    "authorization",
    [
        "Token",
        "Token wrong",
        "Token a b",
        "Token \xff",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"admin").decode(),
        "Basic " + base64.b64encode(b"admin:wrong").decode(),
        "Basic " + base64.b64encode(b"\xff\x00:\x00").decode(),
    ],
)
def test_invalid_credentials_are_rejected(admin_user: User, authorization: str) -> None:
    for method, path, body in REQUESTS:
        answer = send(Client(), method, path, body, Authorization=authorization)
        refused(answer, 401, "authentication_failed")
        assert "WWW-Authenticate" in answer.headers


@ISOLATED
def test_token_authentication(admin_user: User) -> None:
    token = Token.objects.create(user=admin_user)
    answer = send(Client(), "PUT", "memory/entries/a", "{}", Authorization=f"Token {token.key}")
    assert answer.json()["actor"] == "admin"
    for method, path, body in REQUESTS:
        answer = send(Client(), method, path, body, Authorization=f"Token {token.key}")
        assert answer.status_code in (200, 204)


@ISOLATED
def test_inactive_user_is_rejected(admin_user: User) -> None:
    client = Client()
    client.force_login(admin_user)
    User.objects.update(is_active=False)
    refused(client.get("/storage/memory/entries"), 401, "not_authenticated")


@ISOLATED
def test_write_by_session_requires_a_csrf_token(admin_user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    for method, path, body in REQUESTS:
        answer = send(client, method, path, body)
        if method in ("GET", "OPTIONS"):
            assert answer.status_code in (200, 404)
        else:
            detail = refused(answer, 403, "permission_denied")["detail"]
            assert "CSRF" in detail
    page = client.get("/storage/memory/entries/a", headers={"Accept": "text/html"})
    assert page.status_code == 404
    token = client.cookies["csrftoken"].value
    for method, path, body in REQUESTS:
        answer = send(client, method, path, body, **{"X-CSRFToken": token})
        assert answer.status_code in (200, 201, 204, 404)


@ISOLATED
def test_long_user_name_is_a_valid_actor(log_in: LogIn) -> None:
    name = "é" * 150
    api = Api(log_in(name, "add", "change"), "memory")
    assert api.put("a").json()["actor"] == name


class Often(UserRateThrottle):
    """Allow three requests per minute and user."""

    rate = "3/min"


class OftenAnonymous(AnonRateThrottle):
    rate = "2/min"


@pytest.fixture
def throttled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    use(monkeypatch, throttle_classes=[Often, OftenAnonymous])
    cache.clear()
    yield
    cache.clear()


def check_throttled(answer: Any) -> None:
    refused(answer, 429, "throttled")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


@ISOLATED
@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_throttling(memory: Api, throttled: None, method: str, path: str, body: str) -> None:
    memory.storage.write("a", b"{}")
    for _ in range(3):
        assert send(memory.client, method, path, body).status_code < 405
    check_throttled(send(memory.client, method, path, body))
    # Other users are not throttled.
    refused(send(Client(), method, path, body), 401, "not_authenticated")


@ISOLATED
def test_unknown_paths_are_throttled(throttled: None) -> None:
    for _ in range(2):
        refused(Client().get("/storage/memory/nothing"), 404, "not_found")
    check_throttled(Client().get("/storage/memory/nothing"))


@COMMITTED
async def test_event_streams_and_long_polls_are_throttled(
    admin_user: User, throttled: None
) -> None:
    client = AsyncClient()
    await client.aforce_login(admin_user)
    for _ in range(3):
        headers = {"Accept": "text/event-stream"}
        answer = await client.get("/storage/memory/changes", headers=headers)
        assert answer.status_code == 200
    check_throttled(await client.get("/storage/memory/changes", headers=headers))
    check_throttled(await client.get("/storage/memory/changes?wait=20"))
