"""Reading, writing and deleting one entry, on every storage."""

from __future__ import annotations

import re
from typing import Any

from agent_master_storage import storages

from .api import ISOLATED, JSON, OCTETS, Api, refused, tag

pytestmark = ISOLATED

FIELDS = {"key", "value", "encoding", "revision", "created_revision", "updated_at", "actor"}


def test_put_creates_an_entry(logged: Api) -> None:
    answer = logged.put("config", b"hello")
    assert (answer.status_code, answer.headers["ETag"]) == (201, tag(1))
    body = answer.json()
    assert set(body) == FIELDS
    assert (body["key"], body["value"], body["encoding"]) == ("config", "hello", "utf-8")
    assert (body["revision"], body["created_revision"], body["actor"]) == (1, 1, "admin")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", body["updated_at"])


def test_put_again_changes_the_entry(logged: Api) -> None:
    logged.put("config", b"one")
    answer = logged.put("config", b"two")
    assert (answer.status_code, answer.headers["ETag"]) == (200, tag(2))
    assert (answer.json()["revision"], answer.json()["created_revision"]) == (2, 1)
    assert logged.storage.read("config") == b"two"


def test_put_after_delete_creates_the_entry_again(logged: Api) -> None:
    logged.put("config")
    logged.delete("config")
    answer = logged.put("config")
    assert (answer.status_code, answer.json()["created_revision"]) == (201, 3)


def test_get_returns_the_representation_that_put_returned(logged: Api) -> None:
    written = logged.put("config", b"hello")
    read = logged.get("config")
    assert read.status_code == 200
    assert read.json() == written.json()
    assert read.headers["ETag"] == written.headers["ETag"]
    assert read.headers["Content-Type"] == JSON


def test_representation_can_be_sent_back_unchanged(logged: Api) -> None:
    logged.put("config", b"\xff\x00")
    answer = logged.put_json("config", logged.get("config").json())
    assert answer.status_code == 200
    assert logged.storage.read("config") == b"\xff\x00"


def test_head_is_get_without_body(api: Api) -> None:
    api.put("config", b"hello")
    read, head = api.get("config"), api.send("HEAD", "config")
    assert (head.status_code, head.content) == (200, b"")
    assert dict(head.headers) == dict(read.headers)
    missing = api.send("HEAD", "nothing")
    assert (missing.status_code, missing.content) == (404, b"")


def test_delete_removes_the_entry(api: Api) -> None:
    api.put("config")
    answer = api.delete("config")
    assert (answer.status_code, answer.content) == (204, b"")
    refused(api.get("config"), 404, "key_not_found")
    refused(api.delete("config"), 404, "key_not_found")


def test_write_read_and_list(api: Api) -> None:
    assert api.put("config", b"one").status_code == 201
    assert api.put("config", b"two").status_code == 200
    assert api.get("config").json()["value"] == "two"
    assert [entry["key"] for entry in api.get().json()["results"]] == ["config"]


def test_values_are_arbitrary_bytes(api: Api) -> None:
    for value in (b"", b"\x00", bytes(range(256)), b"\r\n", b"\xef\xbb\xbf{}", b'{"value": 1}'):
        api.put("bytes", value)
        assert api.storage.read("bytes") == value
        assert api.get("bytes", raw="").content == value


def test_entry_as_of_a_revision(logged: Api) -> None:
    for value in (b"one", b"two"):
        logged.put("config", value)
    logged.put("other")
    logged.delete("config")
    then = logged.get("config", revision=1)
    assert (then.json()["value"], then.headers["ETag"]) == ("one", tag(1))
    assert logged.get("config", revision=3).json()["value"] == "two"
    refused(logged.get("config", revision=4), 404, "key_not_found")
    refused(logged.get("config", revision=0), 404, "key_not_found")
    assert logged.get("config", revision=2, raw="").content == b"two"


def test_compacted_and_future_revisions_are_410(logged: Api) -> None:
    for value in (b"one", b"two", b"three"):
        logged.put("config", value)
    logged.storage.compact(2)
    gone = refused(logged.get("config", revision=1), 410, "revision_compacted")
    assert gone["oldest"] == 3
    ahead = refused(logged.get("config", revision=9), 410, "revision_ahead")
    assert ahead["current"] == 3


def test_status_of_a_storage(logged: Api, settings: Any) -> None:
    for _ in range(3):
        logged.put("config")
    logged.storage.compact(1)
    body = logged.client.get(f"/storage/{logged.alias}/").json()
    storage = logged.storage
    assert body == {
        "alias": logged.alias,
        "backend": settings.AGENT_MASTER_STORAGE[logged.alias]["BACKEND"],
        "revision": 3,
        "oldest": 2,
        "epoch": storage.epoch,
        "max_value_size": 1024 * 1024,
        "capabilities": {"revisions": True, "commit": True, "resume": True},
    }
    assert logged.client.get(f"/storage/{logged.alias}").json() == body


def test_status_of_a_storage_without_revisions(plain: Api) -> None:
    body = plain.client.get("/storage/plain/").json()
    assert body["capabilities"] == {"revisions": False, "commit": False, "resume": False}
    assert (body["revision"], body["oldest"], body["epoch"]) == (None, None, None)


def test_list_of_storages(memory: Api) -> None:
    results = memory.client.get("/storage/").json()["results"]
    assert [result["alias"] for result in results] == list(storages)
    for result in results:
        assert set(result) == {"alias", "backend", "url"}
        assert memory.client.get(result["url"]).json()["alias"] == result["alias"]


def test_fields_are_null_without_revisions(plain: Api) -> None:
    answer = plain.put("config", b"x")
    unknown = dict.fromkeys(("revision", "created_revision", "updated_at", "actor"))
    body = {"key": "config", "value": "x", "encoding": "utf-8", **unknown}
    assert answer.json() == plain.get("config").json() == body
    assert "ETag" not in answer.headers
    raw = plain.put("config", b"y", headers={"Accept": OCTETS})
    assert (raw.status_code, raw.content) == (200, b"")
    listed = plain.get(values="false").json()
    assert listed == {
        "revision": None,
        "epoch": None,
        "results": [{"key": "config", "revision": None}],
        "next": None,
    }


def test_unsupported_operations_are_501(plain: Api) -> None:
    plain.put("config", b"{}")
    write = {"op": "write", "key": "config", "value": "x"}
    for answer in (
        plain.get("config", revision=1),
        plain.get("config", headers={"If-None-Match": "*"}),
        plain.put("config", headers={"If-Match": "*"}),
        plain.delete("config", headers={"If-Match": tag(1)}),
        plain.patch("config", {"a": 1}),
        plain.commit(write),
        plain.changes(),
    ):
        refused(answer, 501, "not_supported")
    assert plain.storage.read("config") == b"{}"


def test_actor_is_the_user(logged: Api) -> None:
    logged.put("a", b"{}")
    logged.patch("a", {"b": 1})
    logged.commit({"op": "write", "key": "c", "value": ""})
    logged.delete("a")
    history = logged.storage.history()
    assert [change.actor for change in history] == ["admin"] * 4
