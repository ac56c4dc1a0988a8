"""Projects with other DRF defaults, with ATOMIC_REQUESTS, or without optional packages."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from agent_master_storage import storages

from ..support.processes import Server, asgi_server, run_python
from .api import DATABASES, JSON, MERGE_PATCH, OCTETS
from .http_client import ADMIN, Answer, connect, exchange

# The server of this project needs both databases.
pytestmark = pytest.mark.django_db(transaction=True, databases=DATABASES)


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[Server]:
    with asgi_server(DJANGO_SETTINGS_MODULE="tests.rest.nondefault_settings") as server:
        yield server


def refused(answer: Answer, status: int, code: str) -> dict[str, object]:
    body: dict[str, object] = answer.json()
    assert (answer.status, body["code"]) == (status, code)
    assert answer.headers["Content-Type"] == JSON
    return body


def test_entries_do_not_depend_on_project_defaults(server: Server, admin_user: object) -> None:
    base = "/storage/default"
    written = exchange(server, "PUT", f"{base}/entries/a", b"\xff")
    assert (written.status, written.headers["ETag"]) == (201, '"1"')
    # It is committed, although the project wraps each request in a transaction.
    assert storages["default"].read("a") == b"\xff"
    exchange(server, "PUT", f"{base}/entries/b", '{"ключ": 1}'.encode())
    patched = exchange(
        server, "PATCH", f"{base}/entries/b", b'{"c": 2}', {"Content-Type": MERGE_PATCH}
    )
    assert "ключ" in json.loads(patched.json()["value"])
    assert "ключ".encode() in patched.body
    body = json.dumps({"operations": [{"op": "write", "key": "c", "value": ""}]}).encode()
    committed = exchange(server, "POST", f"{base}/commit", body, {"Content-Type": JSON})
    assert committed.json() == {"revision": 4}
    listed = exchange(server, "GET", f"{base}/entries").json()
    assert [entry["key"] for entry in listed["results"]] == ["a", "b", "c"]
    assert listed["results"][0]["updated_at"].endswith("Z")
    raw = exchange(server, "GET", f"{base}/entries/a", headers={"Accept": OCTETS})
    assert (raw.body, raw.headers["Content-Type"]) == (b"\xff", OCTETS)
    assert exchange(server, "DELETE", f"{base}/entries/a").status == 204


def test_change_log_does_not_depend_on_project_defaults(server: Server, admin_user: object) -> None:
    storages["default"].write("a", b"x")
    path = "/storage/default/changes"
    page = exchange(server, "GET", path)
    assert (page.headers["Content-Type"], page.json()["revision"]) == (JSON, 1)
    begin = time.monotonic()
    assert exchange(server, "GET", f"{path}?since=1&wait=0.2").json()["results"] == []
    assert time.monotonic() - begin >= 0.2
    connection = connect(server.port)
    headers = {"Accept": "text/event-stream"}
    connection.request("GET", f"{path}?since=0", headers=ADMIN | headers)
    response = connection.getresponse()
    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.readline().startswith(b"retry:")
    connection.close()


def test_errors_do_not_depend_on_project_defaults(server: Server, admin_user: object) -> None:
    base = "/storage/default"
    refused(exchange(server, "GET", f"{base}/entries/none"), 404, "key_not_found")
    refused(exchange(server, "GET", "/storage/none/"), 404, "unknown_storage")
    refused(exchange(server, "GET", f"{base}/none"), 404, "not_found")
    refused(exchange(server, "POST", f"{base}/entries"), 405, "method_not_allowed")
    refused(exchange(server, "GET", base, headers={"Accept": "image/png"}), 406, "not_acceptable")
    # In this project the anonymous user is None.
    for path in ("/storage/", base, f"{base}/entries/a", f"{base}/changes"):
        answer = exchange(server, "GET", path, headers={"Authorization": ""})
        refused(answer, 401, "not_authenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
    events = {"Authorization": "", "Accept": "text/event-stream"}
    refused(exchange(server, "GET", f"{base}/changes", headers=events), 401, "not_authenticated")
    failed = refused(exchange(server, "GET", "/storage/broken/changes"), 500, "error")
    assert "swordfish" not in str(failed)


def test_unreachable_store_is_503(server: Server, admin_user: object) -> None:
    base = "/storage/nowhere"
    events = {"Accept": "text/event-stream"}
    json_body, patch = {"Content-Type": JSON}, {"Content-Type": MERGE_PATCH}
    operations = b'{"operations": [{"op": "delete", "key": "a"}]}'
    for answer in (
        exchange(server, "GET", base),
        exchange(server, "GET", f"{base}/entries"),
        exchange(server, "GET", f"{base}/entries/a"),
        exchange(server, "GET", f"{base}/entries/a?raw"),
        exchange(server, "GET", f"{base}/entries/a?revision=1"),
        exchange(server, "PUT", f"{base}/entries/a", b"x"),
        exchange(server, "PUT", f"{base}/entries?key=a", b'{"value": "x"}', json_body),
        exchange(server, "PUT", f"{base}/entries/a", b"x", {"If-Match": "*"}),
        exchange(server, "PATCH", f"{base}/entries/a", b"{}", patch),
        exchange(server, "DELETE", f"{base}/entries/a"),
        exchange(server, "POST", f"{base}/commit", operations, json_body),
        exchange(server, "GET", f"{base}/changes"),
        exchange(server, "GET", f"{base}/changes?wait=5"),
        exchange(server, "GET", f"{base}/changes", headers=events),
    ):
        refused(answer, 503, "storage_unavailable")
        assert answer.headers["Retry-After"] == "1"
    # Errors of the request itself are reported first.
    refused(exchange(server, "PUT", f"{base}/entries/%0A", b"x"), 400, "invalid_key")


BARE = """
import json, sys
from django.test import Client
from django.contrib.auth import get_user_model
assert not [name for name in sys.modules if name.startswith(("drf_spectacular", "psycopg"))]
client = Client()
client.force_login(get_user_model().objects.get(username="admin"))
answers = [
    client.put("/storage/memory/entries/a", b"{}"),
    client.get("/storage/memory/entries/a"),
    client.patch("/storage/memory/entries/a", b"{}", "application/merge-patch+json"),
    client.get("/storage/memory/entries", headers={"Accept": "text/html"}),
    client.get("/storage/memory/changes"),
    client.options("/storage/memory/commit"),
    client.get("/storage/"),
    client.delete("/storage/memory/entries/a"),
    Client().get("/storage/"),
]
print(json.dumps([answer.status_code for answer in answers]))
"""


def test_project_without_the_optional_packages(admin_user: object) -> None:
    printed = run_python(BARE, DJANGO_SETTINGS_MODULE="tests.rest.minimal_settings")
    assert json.loads(printed) == [201, 200, 200, 200, 200, 200, 200, 204, 401]
