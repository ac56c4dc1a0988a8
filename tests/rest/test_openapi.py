"""The OpenAPI document by drf-spectacular: complete, valid and correct."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.test import Client

from . import openapi as described
from .api import ISOLATED, JSON

EXPECTED = {
    ("", "get"): {"200"},
    ("{alias}/", "get"): {"200"},
    ("{alias}/entries", "get"): {"200", "304", "409", "410", "412", "501"},
    ("{alias}/entries/{key}", "get"): {"200", "304", "409", "410", "412", "501"},
    ("{alias}/commit", "post"): {"200", "409", "411", "413", "415", "501"},
    ("{alias}/changes", "get"): {"200", "410", "501"},
}
for _path in ("{alias}/entries", "{alias}/entries/{key}"):
    EXPECTED[_path, "put"] = {"200", "201", "409", "411", "412", "413", "501"}
    EXPECTED[_path, "patch"] = {"200", "409", "411", "412", "413", "415", "501"}
    EXPECTED[_path, "delete"] = {"204", "409", "412", "501"}


@pytest.fixture(scope="module")
def schema() -> Any:
    return described.written()


def operations(schema: Any) -> described.Operations:
    return described.operations(schema, "/storage/")


def test_document_has_exactly_the_operations_of_the_reference(schema: Any) -> None:
    assert set(operations(schema)) == set(EXPECTED)


@pytest.mark.parametrize("operation", EXPECTED)
def test_every_response_is_described(schema: Any, operation: tuple[str, str]) -> None:
    described.check_answers(operations(schema)[operation], EXPECTED[operation], "Error")


def test_operations_have_unique_ids_and_descriptions(schema: Any) -> None:
    described.check_names(operations(schema), "storage")


def test_both_representations_are_described(schema: Any) -> None:
    found = operations(schema)
    entry = found["{alias}/entries/{key}", "get"]
    assert set(entry["responses"]["200"]["content"]) == {JSON, "application/octet-stream"}
    put = found["{alias}/entries/{key}", "put"]
    assert set(put["requestBody"]["content"]) == {JSON, "application/octet-stream"}
    patch = found["{alias}/entries/{key}", "patch"]
    assert set(patch["requestBody"]["content"]) == {"application/merge-patch+json"}
    changes = found["{alias}/changes", "get"]
    assert set(changes["responses"]["200"]["content"]) == {JSON, "text/event-stream"}


def test_parameters(schema: Any) -> None:
    found = operations(schema)

    def named(path: str, method: str) -> set[str]:
        parameters = found[f"{{alias}}/{path}", method].get("parameters", [])
        return {parameter["name"] for parameter in parameters} - {"alias", "format"}

    reading = {"revision", "encoding", "raw", "If-Match", "If-None-Match"}
    writing = {"If-Match", "If-None-Match"}
    assert named("entries/{key}", "get") == {"key", *reading}
    assert named("entries", "get") == {"key", "prefix", "after", "limit", "values", *reading}
    assert named("entries/{key}", "put") == named("entries", "put") == {"key", "raw", *writing}
    assert named("entries/{key}", "delete") == named("entries", "patch") == {"key", *writing}
    asked = {"key", "prefix", "since", "epoch", "limit", "wait", "encoding", "Last-Event-ID"}
    assert named("changes", "get") == asked
    assert named("commit", "post") == set()


@ISOLATED
def test_responses_match_their_description(schema: Any, admin_client: Client) -> None:
    check = partial(described.check_body, schema)
    base = "/storage/memory"
    check(admin_client.get("/storage/"), "AliasList")
    check(admin_client.get("/storage/").json()["results"][0], "Alias")
    check(admin_client.get(base), "Status")
    check(admin_client.put(f"{base}/entries/a", b"x"), "Entry")
    check(admin_client.get(f"{base}/entries"), "EntryList")
    check(admin_client.get(f"{base}/changes"), "ChangeList")
    check(admin_client.get(f"{base}/changes").json()["results"][0], "Change")
    commit = admin_client.post(f"{base}/commit", {"operations": []}, JSON)
    check(commit, "Revision")
    check(admin_client.get(f"{base}/entries/none"), "Error")
    check(admin_client.get(f"{base}/changes?since=9"), "Error")


@ISOLATED
def test_schema_over_http(admin_client: Client) -> None:
    answer = admin_client.get("/schema/")
    assert answer.status_code == 200
    assert b"/storage/{alias}/entries/{key}" in answer.content
