"""POST commit: all operations in one revision, or none."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from .api import ISOLATED, JSON, Api, refused

pytestmark = ISOLATED

MIB = 1024 * 1024


def write(key: Any, value: Any = "x", **more: Any) -> dict[str, Any]:
    return {"op": "write", "key": key, "value": value, **more}


def delete(key: Any, **more: Any) -> dict[str, Any]:
    return {"op": "delete", "key": key, **more}


def check(key: Any, revision: Any) -> dict[str, Any]:
    return {"op": "check", "key": key, "revision": revision}


def test_several_operations_take_one_revision(logged: Api) -> None:
    logged.put("old", b"1")
    logged.put("seen", b"2")
    answer = logged.commit(
        write("a"),
        write("b", "/wA=", encoding="base64"),
        write("c", {"d": None}, encoding="json"),
        delete("old"),
        check("seen", 2),
        check("missing", 0),
    )
    assert (answer.status_code, answer.json()) == (200, {"revision": 3})
    storage = logged.storage
    assert storage.list() == ["a", "b", "c", "seen"]
    assert storage.read("b") == b"\xff\x00"
    assert storage.read("c") == b'{\n  "d": null\n}'
    assert {storage.entry(key).revision for key in "abc"} == {3}


def test_commit_of_checks_only_has_no_revision(logged: Api) -> None:
    logged.put("a")
    assert logged.commit(check("a", 1), check("b", 0)).json() == {"revision": 1}
    assert logged.commit().json() == {"revision": 1}
    assert logged.storage.revision == 1


def test_preconditions_that_hold(logged: Api) -> None:
    logged.put("a")
    logged.put("b")
    operations = [write("a", if_revision=1), delete("b", if_revision=2), write("c", if_revision=0)]
    assert logged.commit(*operations).json() == {"revision": 3}
    assert logged.commit(write("c", if_revision=None)).json() == {"revision": 4}


@pytest.mark.parametrize(
    ("operation", "current"),
    [
        (write("a", if_revision=2), 1),
        (write("a", if_revision=0), 1),
        (write("missing", if_revision=1), 0),
        (delete("a", if_revision=2), 1),
        (delete("a", if_revision=0), 1),
        (check("a", 2), 1),
        (check("a", 0), 1),
        (check("missing", 1), 0),
    ],
)
def test_failed_precondition_rejects_the_commit(logged: Api, operation: Any, current: int) -> None:
    logged.put("a")
    body = refused(logged.commit(write("b"), operation, write("c")), 409, "revision_conflict")
    assert (body["index"], body["current"]) == (1, current)
    assert logged.storage.list() == ["a"]
    assert logged.storage.revision == 1


def test_delete_of_a_missing_key_rejects_the_commit(logged: Api) -> None:
    body = refused(logged.commit(write("b"), write("c"), delete("missing")), 404, "key_not_found")
    assert body["index"] == 2
    assert logged.storage.revision == 0


@pytest.mark.parametrize(
    "operation",
    [
        None,
        5,
        "write",
        [],
        {},
        {"op": "write", "key": "a"},
        {"op": "move", "key": "a"},
        {"op": ["write"], "key": "a", "value": ""},
        {"op": None, "key": "a", "value": ""},
        {"key": "a", "value": "x"},
        {"op": "delete", "key": "a", "value": "x"},
        {"op": "check", "key": "a"},
        {"op": "check", "key": "a", "revision": None},
        {"op": "write", "key": "a", "value": "x", "ifrevision": 1},
        write("a", 5),
        write("a", None),
        write("a", "x", encoding="latin1"),
        write("a", "x", encoding=None),
        write("a", "?", encoding="base64"),
        write("a", "\ud800"),
        write("a", "x", if_revision=-1),
        write("a", "x", if_revision="1"),
        write("a", "x", if_revision=1.0),
        write("a", "x", if_revision=True),
        write("a", "x", if_revision=[]),
        write("a", "x", if_revision=2**63),
        write("a", "x", if_revision=10**4000),
        delete("a", if_revision=-1),
        delete("a", if_revision={}),
        check("a", -1),
        check("a", "1"),
        check("a", 1.5),
        check("a", 2**63),
        check("a", False),
        write("first"),
    ],
)
def test_error_has_the_index_of_the_invalid_operation(logged: Api, operation: Any) -> None:
    body = refused(logged.commit(write("first"), operation), 400, "invalid_value")
    assert body["index"] == 1
    assert logged.storage.revision == 0


@pytest.mark.parametrize("key", [None, 5, True, [], {}, "", "\ud800", "a\n", "\x00", "k" * 513])
def test_error_has_the_index_of_the_invalid_key(logged: Api, key: Any) -> None:
    for operation in (write(key), delete(key), check(key, 0)):
        body = refused(logged.commit(write("first"), operation), 400, "invalid_key")
        assert body["index"] == 1
    assert logged.storage.revision == 0


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "5",
        "null",
        "{}",
        '{"operations": null}',
        '{"operations": {}}',
        '{"operations": "write"}',
        '{"operations": [], "more": 1}',
        b'{"operations": ["\xff"]}',
        "[" * 100_000,
    ],
)
def test_invalid_body_is_rejected(logged: Api, body: str | bytes) -> None:
    answer = logged.send("POST", None, body, JSON, what="commit")
    assert "index" not in refused(answer, 400, "invalid_value")


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_other_media_types_are_rejected(logged: Api, content_type: str) -> None:
    answer = logged.send("POST", None, b'{"operations": []}', content_type, what="commit")
    refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "operation", [{"op": "write", "value": "x"}, {"op": "delete"}, {"op": "check", "revision": 1}]
)
def test_operation_without_a_key_is_rejected(logged: Api, operation: Any) -> None:
    body = refused(logged.commit(write("first"), operation), 400, "invalid_key")
    assert body["index"] == 1
    assert logged.storage.revision == 0


def test_limit_of_a_thousand_operations(logged: Api) -> None:
    operations = [write(f"key-{number}") for number in range(1001)]
    refused(logged.commit(*operations), 413, "too_large")
    assert logged.storage.revision == 0
    assert logged.commit(*operations[:1000]).json() == {"revision": 1}
    assert len(logged.storage.list()) == 1000


def test_limit_of_8_mib(logged: Api) -> None:
    operations = [write(f"key-{number}", "x" * MIB) for number in range(8)]
    refused(logged.commit(*operations, write("more")), 413, "too_large")
    assert logged.storage.revision == 0
    assert logged.commit(*operations, write("empty", "")).json() == {"revision": 1}


def test_value_above_the_limit_is_rejected(logged: Api) -> None:
    body = refused(logged.commit(write("a"), write("b", "x" * (MIB + 1))), 413, "too_large")
    assert body["index"] == 1
    assert logged.storage.revision == 0


def test_limit_of_the_body(memory: Api) -> None:
    # 8 MiB of values need six times as many bytes if each of them is escaped.
    limit = 6 * 8 * MIB + 64 * 1024
    body = json.dumps({"operations": [write("a")]}).encode()
    answer = memory.send("POST", None, body.ljust(limit), JSON, what="commit")
    assert answer.status_code == 200
    answer = memory.send("POST", None, body.ljust(limit + 1), JSON, what="commit")
    refused(answer, 413, "too_large")


def test_fully_escaped_values_fit(memory: Api) -> None:
    value = base64.b64encode(b"\xff" * MIB).decode()
    operations = [write(f"a{number}", value, encoding="base64") for number in range(4)]
    operations += [write(f"b{number}", "\x00" * MIB) for number in range(4)]
    assert memory.commit(*operations).status_code == 200


def test_repeated_key_is_rejected(logged: Api) -> None:
    for second in (write("a"), delete("a")):
        body = refused(logged.commit(write("b"), write("a"), second), 400, "invalid_value")
        assert body["index"] == 2
    # A check of a key that is also written is allowed.
    assert logged.commit(check("a", 0), write("a")).status_code == 200
