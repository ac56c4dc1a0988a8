"""PATCH: atomic merge patches (RFC 7396) of JSON values."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client

from agent_master_storage import storages

from .api import COMMITTING, ISOLATED, JSON, MERGE_PATCH, Api, refused, tag

#: appendix A of the RFC: original, patch, result
EXAMPLES: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@ISOLATED
@pytest.mark.parametrize(("original", "patch", "result"), EXAMPLES)
def test_examples_of_the_rfc(logged: Api, original: Any, patch: Any, result: Any) -> None:
    logged.put("config", json.dumps(original))
    answer = logged.patch("config", patch)
    assert (answer.status_code, answer.headers["ETag"]) == (200, tag(2))
    assert logged.storage.read_json("config") == result
    assert json.loads(answer.json()["value"]) == result
    assert (answer.json()["revision"], answer.json()["created_revision"]) == (2, 1)


@ISOLATED
def test_order_of_the_members_is_kept(logged: Api) -> None:
    logged.put("config", '{"z":1,"a":{"y":1,"b":2},"m":1.0,"big":12345678901234567890}')
    logged.patch("config", {"a": {"c": 3}, "z": "é"})
    expected = {"z": "é", "a": {"y": 1, "b": 2, "c": 3}, "m": 1.0, "big": 12345678901234567890}
    stored = logged.storage.read("config").decode()
    assert stored == json.dumps(expected, ensure_ascii=False, indent=2)


@ISOLATED
def test_missing_key_is_not_created(logged: Api) -> None:
    refused(logged.patch("config", {"a": 1}), 404, "key_not_found")
    assert logged.storage.revision == 0


@ISOLATED
@pytest.mark.parametrize("value", [b"", b"text", b"{", b"\xff", b"NaN", b'{"a":1}{', b"\x00"])
def test_value_that_is_not_json_is_409(logged: Api, value: bytes) -> None:
    logged.put("config", value)
    refused(logged.patch("config", {"a": 1}), 409, "not_json")
    refused(logged.patch("config", {}), 409, "not_json")
    assert logged.storage.entry("config").revision == 1


@ISOLATED
@pytest.mark.parametrize(
    "body", ["", "{", "NaN", '{"a": 1e400}', '{"a": Infinity}', b"\xff", "'a'"]
)
def test_patch_that_is_not_json_is_400(logged: Api, body: str | bytes) -> None:
    logged.put("config", b"{}")
    refused(logged.send("PATCH", "config", body, MERGE_PATCH), 400, "invalid_value")
    assert logged.storage.entry("config").revision == 1


@ISOLATED
@pytest.mark.parametrize(
    "content_type", [JSON, "application/json-patch+json", "text/plain", "multipart/form-data", ""]
)
def test_other_media_types_are_rejected(logged: Api, content_type: str) -> None:
    # A JSON Patch applied as a merge patch would have a different effect.
    logged.put("config", b"{}")
    answer = logged.send("PATCH", "config", b"[]", content_type)
    refused(answer, 415, "unsupported_media_type")
    assert logged.storage.read("config") == b"{}"


@ISOLATED
def test_parameters_of_the_media_type_are_accepted(logged: Api) -> None:
    logged.put("config", b"{}")
    answer = logged.send("PATCH", "config", b'{"a": 1}', f"{MERGE_PATCH.title()}; charset=utf-8")
    assert answer.status_code == 200


@ISOLATED
def test_key_as_a_parameter(logged: Api) -> None:
    logged.put("a/../b", b"{}")
    assert logged.patch(None, {"c": 1}, key="a/../b").status_code == 200
    assert logged.storage.read_json("a/../b") == {"c": 1}


@pytest.mark.parametrize("alias", COMMITTING)
def test_concurrent_patches_lose_nothing(alias: str, admin_user: User) -> None:
    storage = storages[alias]
    storage.write("config", b"{}")
    count, workers = 15, 3

    def work(worker: int) -> None:
        client = Client()
        client.force_login(admin_user)
        api = Api(client, alias)
        try:
            for number in range(count):
                answer = api.patch("config", {f"{worker}-{number}": 1})
                statuses.append(answer.status_code)
        finally:
            connections.close_all()

    statuses: list[int] = []
    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * count * workers
    assert len(storage.read_json("config")) == count * workers
    assert storage.revision == 1 + count * workers
