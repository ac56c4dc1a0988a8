"""JSON documents that Python can parse but not write, or the reverse."""

from __future__ import annotations

import json

import pytest

from agent_master_storage.serialization import MAX_DEPTH

from .api import ISOLATED, JSON, MERGE_PATCH, Api, refused

pytestmark = ISOLATED

HTML = {"Accept": "text/html"}


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + closing * depth


@pytest.mark.parametrize("depth", [MAX_DEPTH, 300, 500, 900, 950, 985, 1000, 3000, 100_000])
def test_deep_documents_are_stored_and_returned(memory: Api, depth: int) -> None:
    for text in (nested(depth), nested(depth, '{"a":', "}").replace(":}", ":1}")):
        memory.put("deep", text)
        for headers in ({}, HTML):
            assert memory.get("deep", headers=headers).status_code == 200
            shown = memory.get("deep", encoding="json", headers=headers)
            assert shown.status_code == 200
        encoding = memory.get("deep", encoding="json").json()["encoding"]
        assert encoding == ("json" if depth <= MAX_DEPTH else "utf-8")
        assert memory.get(encoding="json").status_code == 200
        assert memory.get("deep", raw="").content == text.encode()


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 500, 900, 950, 985, 1000, 3000, 100_000])
def test_deeper_documents_are_rejected(memory: Api, depth: int) -> None:
    memory.put("config", b"{}")
    memory.put("deep", nested(depth))
    refused(memory.patch("deep", {}), 409, "not_json")
    text = nested(depth)
    answer = memory.send("PATCH", "config", text, MERGE_PATCH)
    refused(answer, 400, "invalid_value")
    refused(memory.put("config", f'{{"value": {text}}}', JSON), 400, "invalid_value")
    operation = f'{{"operations": [{{"op": "write", "key": "a", "value": {text}}}]}}'
    answer = memory.send("POST", None, operation, JSON, what="commit")
    refused(answer, 400, "invalid_value")
    assert memory.storage.read("config") == b"{}"


def test_deepest_patch_of_the_deepest_document(memory: Api) -> None:
    # One level less than the limit, because the result must fit as well.
    document = nested(MAX_DEPTH - 1, '{"a":', "}").replace(":}", ":1}")
    memory.put("deep", document)
    patched = memory.send("PATCH", "deep", document.replace("1", "2"), MERGE_PATCH)
    assert patched.status_code == 200
    assert memory.storage.read_json("deep") == json.loads(document.replace("1", "2"))


def test_lone_surrogate_stays_an_escape(memory: Api) -> None:
    stored = rb'{"a": "\ud800", "b": "\ud83d\udd11"}'
    memory.put("config", stored)
    shown = memory.get("config", encoding="json")
    assert rb'"\ud800"' in shown.content
    assert shown.json()["value"] == {"a": "\ud800", "b": "\U0001f511"}
    assert memory.get(encoding="json").json()["results"][0] == shown.json()
    assert memory.get("config", encoding="json", headers=HTML).status_code == 200
    # It cannot be encoded as UTF-8, so a patch cannot write it.
    refused(memory.patch("config", {"c": 1}), 400, "invalid_value")
    refused(memory.patch("config", {"c": "\ud800"}), 400, "invalid_value")
    assert memory.patch("config", {"a": None}).status_code == 200


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" + "0" * 400 + ".0"])
def test_numbers_beyond_a_double_are_rejected(memory: Api, number: str) -> None:
    memory.put("config", f'{{"a": {number}}}')
    shown = memory.get("config", encoding="json").json()
    assert (shown["encoding"], shown["value"]) == ("utf-8", f'{{"a": {number}}}')
    refused(memory.patch("config", {"b": 1}), 409, "not_json")
    memory.put("config", b"{}")
    answer = memory.send("PATCH", "config", f'{{"a": {number}}}', MERGE_PATCH)
    refused(answer, 400, "invalid_value")


def test_numbers_with_many_digits_are_rejected(memory: Api) -> None:
    for digits, kept in ((4000, True), (5000, False)):
        memory.put("config", f'{{"a": {"9" * digits}}}')
        shown = memory.get("config", encoding="json")
        assert shown.json()["encoding"] == ("json" if kept else "utf-8")
