"""The Origin check: a browser sends its cookies from any page."""

from __future__ import annotations

from typing import Any

import pytest

from .client import Socket

pytestmark = pytest.mark.django_db(transaction=True)


async def allowed(origin: str | None, **headers: str | None) -> bool:
    socket = Socket(origin=origin, **headers)
    accepted = await socket.connect()
    await socket.communicator.disconnect()
    return accepted


async def test_no_origin_is_allowed() -> None:
    # Agents and scripts send no Origin.
    assert await allowed(None)


@pytest.mark.parametrize(
    "origin",
    [
        "http://testserver",
        "https://testserver",
        "http://testserver:8000",
        "https://TESTSERVER",
        "http://localhost:3000",
    ],
)
async def test_own_origin_is_allowed(origin: str) -> None:
    assert await allowed(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "https://testserver.evil.example",
        "http://eviltestserver",
        "http://testserver@evil.example",
        "http://evil.example/testserver",
        "http://evil.example#testserver",
        "null",
        "",
        "testserver",
        "file://",
        "http://",
        "http://[",
        "http://[::1",
        "http://testserver:99999",
        "http://testserver:x",
        "http://\xff",
        "*",
    ],
    ids=ascii,
)
async def test_foreign_origin_is_rejected(origin: str) -> None:
    assert not await allowed(origin)


async def test_origin_of_the_requested_host_is_allowed(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert await allowed("https://site.example", host="site.example")
    assert await allowed("http://site.example:8000", host="site.example:8000")
    assert not await allowed("http://site.example:8001", host="site.example:8000")


async def test_asterisk_in_allowed_hosts_does_not_allow_every_origin(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert not await allowed("http://evil.example")
    assert not await allowed("null")
    assert await allowed(None)


async def test_host_outside_allowed_hosts_is_rejected() -> None:
    # DNS rebinding: a foreign name points to this server, so page and socket have the same host.
    assert not await allowed("http://evil.example", host="evil.example")
    assert not await allowed("http://evil.example:80", host="evil.example:80")


async def test_forwarded_host(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    page = "https://site.example"
    assert not await allowed(page, host="internal", x_forwarded_host="site.example")
    settings.USE_X_FORWARDED_HOST = True
    assert await allowed(page, host="internal", x_forwarded_host="site.example")
    assert not await allowed("https://internal", host="internal", x_forwarded_host="site.example")


async def test_allowed_hosts_with_subdomains(settings: Any) -> None:
    settings.ALLOWED_HOSTS = [".site.example", "testserver"]
    assert await allowed("https://site.example")
    assert await allowed("https://a.b.site.example:8443")
    assert not await allowed("https://othersite.example")


async def test_trusted_origins(settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://page.example", "https://*.wild.example:8443"]
    assert await allowed("https://page.example")
    assert await allowed("https://page.example:443")
    assert await allowed("https://a.wild.example:8443")
    assert not await allowed("http://page.example")
    assert not await allowed("https://page.example:8443")
    assert not await allowed("https://sub.page.example")
    assert not await allowed("https://a.wild.example")


async def test_localhost_is_allowed_in_debug_mode(settings: Any) -> None:
    settings.ALLOWED_HOSTS, settings.DEBUG = [], True
    assert await allowed("http://localhost:3000", host="localhost:8000")
    assert await allowed("http://127.0.0.1:3000", host="localhost:8000")
    assert not await allowed("http://evil.example", host="localhost:8000")
