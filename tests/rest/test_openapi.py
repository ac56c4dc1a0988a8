"""OpenAPI by drf-spectacular: complete, valid, and true."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from .api import ISOLATED, JSON

METHODS = {"get", "put", "patch", "delete", "post"}
ALWAYS = {"400", "401", "403", "404", "406", "429", "503"}

EXPECTED = {
    ("/storage/", "get"): {"200"},
    ("/storage/{alias}/", "get"): {"200"},
    ("/storage/{alias}/entries", "get"): {"200", "304", "410", "412", "501"},
    ("/storage/{alias}/entries/{key}", "get"): {"200", "304", "410", "412", "501"},
    ("/storage/{alias}/commit", "post"): {"200", "409", "411", "413", "415", "501"},
    ("/storage/{alias}/changes", "get"): {"200", "410", "501"},
}
for _path in ("/storage/{alias}/entries", "/storage/{alias}/entries/{key}"):
    EXPECTED[_path, "put"] = {"200", "201", "411", "412", "413", "501"}
    EXPECTED[_path, "patch"] = {"200", "409", "411", "412", "413", "415", "501"}
    EXPECTED[_path, "delete"] = {"204", "412", "501"}


@pytest.fixture(scope="module")
def schema() -> Any:
    """What ``manage.py spectacular --validate --fail-on-warn`` writes."""
    output = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=output)
    return yaml.safe_load(output.getvalue())


def operations(schema: Any) -> dict[tuple[str, str], Any]:
    return {
        (path, method): operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        if method in METHODS and path.startswith("/storage")
    }


def test_every_row_of_the_table_is_there_and_no_more(schema: Any) -> None:
    assert set(operations(schema)) == set(EXPECTED)


@pytest.mark.parametrize("operation", EXPECTED)
def test_every_answer_is_described(schema: Any, operation: tuple[str, str]) -> None:
    responses = operations(schema)[operation]["responses"]
    assert set(responses) == EXPECTED[operation] | ALWAYS
    for status, response in responses.items():
        if status >= "400":
            reference = response["content"][JSON]["schema"]["$ref"]
            assert reference == "#/components/schemas/Error"
            assert len(response["description"]) > 5
        elif status in ("204", "304"):
            assert "content" not in response
        else:
            assert JSON in response["content"]


def test_names_are_unique_and_summaries_said(schema: Any) -> None:
    found = operations(schema).values()
    names = [operation["operationId"] for operation in found]
    assert len(set(names)) == len(names)
    assert all(operation["description"] for operation in found)
    assert all(operation["tags"] == ["storage"] for operation in found)


def test_both_faces_are_there(schema: Any) -> None:
    found = operations(schema)
    entry = found["/storage/{alias}/entries/{key}", "get"]
    assert set(entry["responses"]["200"]["content"]) == {JSON, "application/octet-stream"}
    put = found["/storage/{alias}/entries/{key}", "put"]
    assert set(put["requestBody"]["content"]) == {JSON, "application/octet-stream"}
    patch = found["/storage/{alias}/entries/{key}", "patch"]
    assert set(patch["requestBody"]["content"]) == {"application/merge-patch+json"}
    changes = found["/storage/{alias}/changes", "get"]
    assert set(changes["responses"]["200"]["content"]) == {JSON, "text/event-stream"}


def test_parameters(schema: Any) -> None:
    found = operations(schema)

    def named(path: str, method: str) -> set[str]:
        parameters = found[f"/storage/{{alias}}/{path}", method].get("parameters", [])
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
def test_what_is_answered_is_what_is_described(schema: Any, admin_client: Client) -> None:
    """Field by field, for each kind of body."""
    components = schema["components"]["schemas"]

    def check(body: Any, name: str) -> None:
        described = components[name]
        assert set(body) <= set(described["properties"])
        assert set(described.get("required", ())) <= set(body)

    base = "/storage/memory"
    check(admin_client.get("/storage/").json(), "AliasList")
    check(admin_client.get("/storage/").json()["results"][0], "Alias")
    check(admin_client.get(base).json(), "Status")
    check(admin_client.put(f"{base}/entries/a", b"x").json(), "Entry")
    check(admin_client.get(f"{base}/entries").json(), "EntryList")
    check(admin_client.get(f"{base}/changes").json(), "ChangeList")
    check(admin_client.get(f"{base}/changes").json()["results"][0], "Change")
    commit = admin_client.post(f"{base}/commit", {"operations": []}, JSON)
    check(commit.json(), "Revision")
    check(admin_client.get(f"{base}/entries/none").json(), "Error")
    check(admin_client.get(f"{base}/changes?since=9").json(), "Error")


@ISOLATED
def test_the_schema_over_http(admin_client: Client) -> None:
    answer = admin_client.get("/schema/")
    assert answer.status_code == 200
    assert b"/storage/{alias}/entries/{key}" in answer.content
