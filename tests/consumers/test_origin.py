"""Which pages may open a socket: a browser sends its cookies from any."""

from __future__ import annotations

from typing import Any

import pytest

from .client import Socket

pytestmark = pytest.mark.django_db(transaction=True)


async def allowed(origin: str | None, **headers: str | None) -> bool:
    socket = Socket(origin=origin, **headers)
    accepted = await socket.connect()
    await socket.line.disconnect()
    return accepted


async def test_none() -> None:
    """Agents and scripts send none."""
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
async def test_ours(origin: str) -> None:
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
async def test_foreign(origin: str) -> None:
    assert not await allowed(origin)


async def test_the_host_itself(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert await allowed("https://site.example", host="site.example")
    assert await allowed("http://site.example:8000", host="site.example:8000")
    assert not await allowed("http://site.example:8001", host="site.example:8000")


async def test_an_asterisk_does_not_mean_every_page(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert not await allowed("http://evil.example")
    assert not await allowed("null")
    assert await allowed(None)


async def test_a_host_that_is_not_ours() -> None:
    """A name that somebody has made point here: his page has the same host as his socket."""
    assert not await allowed("http://evil.example", host="evil.example")
    assert not await allowed("http://evil.example:80", host="evil.example:80")


async def test_a_host_behind_a_proxy(settings: Any) -> None:
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


async def test_a_project_that_is_being_developed(settings: Any) -> None:
    settings.ALLOWED_HOSTS, settings.DEBUG = [], True
    assert await allowed("http://localhost:3000", host="localhost:8000")
    assert await allowed("http://127.0.0.1:3000", host="localhost:8000")
    assert not await allowed("http://evil.example", host="localhost:8000")
