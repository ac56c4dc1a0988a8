"""GET changes: pages of the change log."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from agent_master_storage.types import Write

from .api import COMMITTED, COMMITTING, Api, refused

pytestmark = COMMITTED

MIB = 1024 * 1024
FIELDS = ["type", "key", "value", "encoding", "revision", "previous_revision", "at", "actor"]


@pytest.fixture(params=COMMITTING)
def logged(request: pytest.FixtureRequest, admin_client: Client) -> Api:
    return Api(admin_client, request.param)


def write(key: str) -> dict[str, Any]:
    return {"op": "write", "key": key, "value": "x"}


def pages(api: Api, **query: Any) -> list[list[int]]:
    """Return the revisions on each page, following ``next``."""
    found = []
    answer = api.changes(**query).json()
    while True:
        found.append([change["revision"] for change in answer["results"]])
        if answer["next"] is None:
            return found
        answer = api.client.get(answer["next"]).json()


def test_representation_of_a_change(logged: Api) -> None:
    logged.put("a", b"one")
    logged.put("a", b"\xff")
    logged.delete("a")
    body = logged.changes().json()
    assert (body["revision"], body["epoch"], body["next"]) == (3, logged.storage.epoch, None)
    first, second, third = body["results"]
    assert list(first) == FIELDS
    assert first | {"at": ""} == {
        "type": "write",
        "key": "a",
        "value": "one",
        "encoding": "utf-8",
        "revision": 1,
        "previous_revision": 0,
        "at": "",
        "actor": "admin",
    }
    assert (second["value"], second["encoding"], second["previous_revision"]) == (
        "/w==",
        "base64",
        1,
    )
    assert (third["type"], third["value"], third["encoding"]) == ("delete", None, None)
    assert (third["revision"], third["previous_revision"]) == (3, 2)


def test_since_key_prefix_and_encoding(logged: Api) -> None:
    for key in ("a:1", "b:1", "a:2", "a*"):
        logged.put(key, b'{"c": 1}')
    assert pages(logged, since=0) == [[1, 2, 3, 4]]
    assert pages(logged, since=2) == [[3, 4]]
    assert pages(logged, since=4) == [[]]
    assert pages(logged, key="a:2") == [[3]]
    assert pages(logged, key="a") == [[]]
    assert pages(logged, prefix="a:", since=1) == [[3]]
    assert pages(logged, prefix="a*") == [[4]]
    found = logged.changes(key="b:1", encoding="json").json()
    assert found["results"][0]["value"] == {"c": 1}
    # It has read further than the last match: the next request does not repeat that part.
    assert found["revision"] == 4


def test_limit_never_splits_a_revision(logged: Api) -> None:
    logged.put("a")
    logged.commit(*[write(f"b{number}") for number in range(5)])
    logged.put("c")
    assert pages(logged, limit=1) == [[1], [2] * 5, [3]]
    whole = [1, 2, 2, 2, 2, 2, 3]
    for limit in range(2, 8):
        # The adapter decides whether a page ends before the revision or after it.
        found = pages(logged, limit=limit)
        assert [revision for page in found for revision in page] == whole
        assert sum(len(set(page)) for page in found) == 3
    assert pages(logged, limit=1000) == [whole]
    assert sum(map(len, pages(logged, limit=2, prefix="b"))) == 5


def test_next_link_keeps_the_query(logged: Api) -> None:
    for number in range(250):
        logged.storage.write("a" if number % 5 else "b", b"")
    first = logged.changes(key="a", encoding="base64").json()
    assert len(first["results"]) == 100
    query = parse_qs(urlsplit(first["next"]).query)
    assert query == {"key": ["a"], "encoding": ["base64"], "since": [str(first["revision"])]}
    found = [revision for page in pages(logged, key="a") for revision in page]
    assert found == [number + 1 for number in range(250) if number % 5]
    assert logged.changes(since=249).json()["next"] is None


def test_limit_is_validated_and_clamped(logged: Api) -> None:
    for _ in range(2):
        logged.storage.commit([Write(f"key-{number}", b"") for number in range(600)])
    assert len(logged.changes(limit=10**9).json()["results"]) in (600, 1200)
    for limit in (0, -1, "", "x"):
        refused(logged.changes(limit=limit), 400, "invalid_value")


def test_page_ends_early_near_4_mib(logged: Api) -> None:
    for number in range(6):
        logged.storage.write(f"key-{number}", b"x" * MIB)
    assert pages(logged) == [[1, 2, 3, 4], [5, 6]]


def test_key_and_prefix_together_are_rejected(logged: Api) -> None:
    refused(logged.changes(key="a", prefix="b"), 400, "invalid_value")
    refused(logged.changes(key="", prefix="b"), 400, "invalid_value")
    assert logged.changes(key="a", prefix="").status_code == 200


def test_compacted_revision_is_410(logged: Api) -> None:
    for _ in range(5):
        logged.put("a")
    logged.storage.compact(3)
    for since in (0, 2):
        body = refused(logged.changes(since=since), 410, "revision_compacted")
        assert body["oldest"] == 4
    assert pages(logged, since=3) == pages(logged) == [[4, 5]]


def test_future_revision_is_410(logged: Api) -> None:
    logged.put("a")
    body = refused(logged.changes(since=2), 410, "revision_ahead")
    assert (body["current"], body["oldest"]) == (1, 1)
    assert pages(logged, since=1) == [[]]


def test_outdated_epoch_is_410(logged: Api) -> None:
    logged.put("a")
    known = logged.changes().json()["epoch"]
    assert logged.changes(since=1, epoch=known).status_code == 200
    logged.storage.new_epoch()
    refused(logged.changes(since=1, epoch=known), 410, "revision_compacted")
    refused(logged.changes(epoch="other"), 410, "revision_compacted")
    assert logged.changes(since=1).json()["epoch"] != known


def test_empty_log(logged: Api) -> None:
    body = logged.changes().json()
    assert (body["revision"], body["results"], body["next"]) == (0, [], None)
    assert pages(logged, since=0) == [[]]


def test_head(logged: Api) -> None:
    answer = logged.send("HEAD", what="changes")
    assert (answer.status_code, answer.content) == (200, b"")


def test_waiting_requires_asgi(logged: Api) -> None:
    # Only if it has to wait: existing changes are returned immediately.
    logged.put("a")
    assert len(logged.changes(wait=30).json()["results"]) == 1
    refused(logged.changes(since=1, wait=0.1), 501, "not_supported")
    assert logged.changes(since=1, wait=0).status_code == 200


def test_event_stream_requires_asgi(logged: Api) -> None:
    for method in ("GET", "HEAD"):
        answer = logged.send(method, what="changes", headers={"Accept": "text/event-stream"})
        assert answer.status_code == 501
    refused(logged.changes(headers={"Accept": "text/event-stream"}), 501, "not_supported")


@pytest.mark.parametrize("wait", ["-1", "x", "nan", "inf", "1e1", "0x1", "9" * 10, "1." + "9" * 10])
def test_invalid_wait_is_rejected(memory: Api, wait: str) -> None:
    refused(memory.changes(wait=wait), 400, "invalid_value")
