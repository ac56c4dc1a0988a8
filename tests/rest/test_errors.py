"""Errors that do not depend on the entry, and failures of the store: always JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.signals import got_request_exception
from django.test import Client

from ..backends.redis import stores
from .api import ISOLATED, JSON, OCTETS, Api, refused
from .conftest import LogIn
from .failing_storages import SECRET

pytestmark = ISOLATED

#: the methods of each path
METHODS = {
    "": {"GET", "HEAD", "OPTIONS"},
    "memory/": {"GET", "HEAD", "OPTIONS"},
    "memory": {"GET", "HEAD", "OPTIONS"},
    "memory/entries": {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"},
    "memory/entries/": {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"},
    "memory/entries/a": {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"},
    "memory/commit": {"POST", "OPTIONS"},
    "memory/commit/": {"POST", "OPTIONS"},
    "memory/changes": {"GET", "HEAD", "OPTIONS"},
    "memory/changes/": {"GET", "HEAD", "OPTIONS"},
}
ALL_METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "POST", "TRACE", "BREW")


@pytest.mark.parametrize("path", METHODS)
def test_other_methods_are_405(memory: Api, path: str) -> None:
    for method in ALL_METHODS:
        answer = memory.client.generic(method, f"/storage/{path}")
        if method in METHODS[path]:
            assert answer.status_code != 405
            continue
        if method != "HEAD":
            refused(answer, 405, "method_not_allowed")
        assert answer.status_code == 405
        allowed = {name.strip() for name in answer.headers["Allow"].split(",")}
        assert allowed == METHODS[path]


@pytest.mark.parametrize("path", METHODS)
def test_options(memory: Api, path: str) -> None:
    answer = memory.client.options(f"/storage/{path}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, JSON)
    assert set(answer.headers["Allow"].split(", ")) == METHODS[path]


@pytest.mark.parametrize(
    "path",
    [
        "memory/other",
        "memory/entriesx",
        "memory/entry/a",
        "memory/commit/more",
        "memory/changes/more",
        "/",
        "/entries",
        "//entries/a",
        "memory//entries",
        "%2e%2e/admin/",
        "%0A/%00",
        "a" * 5000 + "/b",
    ],
)
def test_unknown_path_is_404(memory: Api, path: str) -> None:
    for client in (memory.client, Client()):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            refused(client.generic(method, f"/storage/{path}"), 404, "not_found")
        assert client.head(f"/storage/{path}").status_code == 404


@pytest.mark.parametrize("alias", ["nowhere", "Default", "default ", "..", "%00", "%0A", "ключ"])
def test_unknown_storage_is_404(memory: Api, alias: str) -> None:
    for path in ("", "/", "/entries", "/entries/a", "/changes"):
        refused(memory.client.get(f"/storage/{alias}{path}"), 404, "unknown_storage")
    refused(memory.client.put(f"/storage/{alias}/entries/a", b""), 404, "unknown_storage")
    refused(memory.client.delete(f"/storage/{alias}/entries/a"), 404, "unknown_storage")
    answer = memory.client.post(f"/storage/{alias}/commit", {"operations": []}, JSON)
    refused(answer, 404, "unknown_storage")


@pytest.mark.parametrize("path", ["", "memory/", "memory/entries", "memory/changes"])
@pytest.mark.parametrize("accept", ["image/png", "text/plain", "application/xml", OCTETS, "x"])
def test_unavailable_representation_is_406(memory: Api, path: str, accept: str) -> None:
    answer = memory.client.get(f"/storage/{path}", headers={"Accept": accept})
    refused(answer, 406, "not_acceptable")
    assert "Accept" in answer.headers["Vary"]


def test_event_stream_clients_get_errors_as_json(memory: Api) -> None:
    headers = {"Accept": "text/event-stream"}
    for query in ({"since": "x"}, {"key": "a", "prefix": "b"}, {"encoding": "x"}):
        refused(memory.changes(headers=headers, **query), 400, "invalid_value")
    refused(Api(Client(), "memory").changes(headers=headers), 401, "not_authenticated")


def test_browsers_get_errors_as_pages(memory: Api) -> None:
    headers = {"Accept": "text/html"}
    for answer, status in (
        (memory.get("nothing", headers=headers), 404),
        (memory.get("a\n", headers=headers), 400),
        (memory.changes(since=9, headers=headers), 410),
        (memory.client.get("/storage/memory/commit", headers=headers), 405),
    ):
        assert answer.status_code == status
        assert answer.headers["Content-Type"].startswith("text/html")
        # The page's own script contains the word.
        assert b"Traceback (most" not in answer.content


@pytest.fixture(params=["BrokenStorage", "BrokenLog", "BrokenState"])
def broken(request: pytest.FixtureRequest, log_in: LogIn, settings: Any) -> Api:
    backend = f"tests.rest.failing_storages.{request.param}"
    settings.AGENT_MASTER_STORAGE = {"broken": {"BACKEND": backend}}
    actions = ("view", "add", "change", "delete")
    return Api(log_in("ann", *actions, raise_request_exception=False), "broken")


@pytest.mark.parametrize("debug", [False, True])
def test_internal_errors_reveal_nothing(broken: Api, settings: Any, debug: bool) -> None:
    settings.DEBUG = debug
    heard = []

    def listen(sender: Any, **kwargs: Any) -> None:
        heard.append(sender)

    got_request_exception.connect(listen)
    try:
        answers = [broken.get("a"), broken.put("a"), broken.delete("a"), broken.get()]
        answers += [broken.changes(), broken.client.get("/storage/broken/")]
        answers += [broken.get("a", headers={"Accept": "text/html"})]
    finally:
        got_request_exception.disconnect(listen)
    failed = [answer for answer in answers if answer.status_code == 500]
    assert len(heard) == len(failed) > 0
    for answer in answers:
        assert SECRET.encode() not in answer.content
        assert b"Traceback (most" not in answer.content
    for answer in failed[:-1]:
        refused(answer, 500, "error")


def test_malformed_form_in_a_session_is_400(admin_user: Any) -> None:
    # Django parses the form to look for a CSRF token. Its errors must not become internal errors.
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    for content_type, body in (
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=\xff", b"x"),
        ("multipart/form-data; boundary=x", b"x" * 1000),
        ("application/x-www-form-urlencoded; charset=latin1", b"a=b"),
        ("application/x-www-form-urlencoded", b"&a" * 2000),
        ("application/x-www-form-urlencoded", b"a" * 3_000_000),
    ):
        answer = client.generic("POST", "/storage/memory/commit", body, content_type)
        assert answer.status_code in (400, 403, 413)
        assert answer.headers["Content-Type"] == JSON


def test_redis_key_of_another_type_is_409(admin_client: Client) -> None:
    # A retry is useless, so it is not a 503. Former revisions are still in the log.
    api = Api(admin_client, "redis")
    storage: Any = api.storage
    assert api.put("k", b"before").status_code == 201
    stores.spoil(storage, "k")
    operation = {"op": "write", "key": "k", "value": "x"}
    for answer in (
        api.get("k"), api.get("k", raw=""), api.put("k"), api.delete("k"), api.patch("k", {}),
        api.put("k", headers={"If-None-Match": "*"}),
        api.commit({"op": "write", "key": "good", "value": "x"}, operation),
    ):  # fmt: skip
        body = refused(answer, 409, "wrong_type")
        assert "tests:k in Redis holds no string" in body["detail"]
        assert "Retry-After" not in answer.headers
    assert json.loads(api.get("k", revision=1).content)["value"] == "before"
    refused(api.get("k", revision=2), 404, "key_not_found")
    assert json.loads(api.get().content)["results"] == []
