"""The two representations of an entry, chosen by media type in both directions."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from .api import ISOLATED, JSON, OCTETS, Api, refused, tag

pytestmark = ISOLATED

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "*/*",
        "application/*",
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        "application/json; indent=4",
        "text/plain;q=0.5, application/json",
        "application/octet-stream;q=0.1, application/json;q=0.2",
        "",
        # An available type takes precedence, however low its quality.
        "application/json;q=0.1, text/plain",
    ],
)
def test_clients_that_accept_json_get_json(api: Api, accept: str | None) -> None:
    api.put("config", b"{}")
    answer = api.get("config", headers=None if accept is None else {"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, JSON)
    assert answer.json()["value"] == "{}"
    assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "accept",
    [
        "application/octet-stream",
        "text/plain",
        "image/png",
        "application/xml",
        "text/event-stream",
        "nonsense",
        "a/b/c;q=x",
    ],
)
def test_clients_of_any_other_type_get_the_bytes(api: Api, accept: str) -> None:
    api.put("page", b"<script>alert(1)</script>")
    answer = api.get("page", headers={"Accept": accept})
    assert answer.content == b"<script>alert(1)</script>"
    # A browser must not execute a stored HTML page.
    assert answer.headers["Content-Type"] == OCTETS
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json;q=0", OCTETS),
        ("application/json;q=0, */*", "text/html; charset=utf-8"),
        ("application/json;q=0, text/html;q=0, */*;q=0.1", OCTETS),
        ("*/*, application/octet-stream;q=0, text/html;q=0", JSON),
        ("application/*;q=0, application/json", JSON),
        ("application/json;q=nan", JSON),
        ("application/json;q=2", JSON),
    ],
)
def test_q_value_of_the_most_specific_range_decides(
    api: Api, accept: str, content_type: str
) -> None:
    api.put("config", b"{}")
    answer = api.get("config", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)


@pytest.mark.parametrize(
    "accept",
    ["*/*;q=0", "image/png, */*;q=0", "application/json;q=0, application/octet-stream;q=0"],
)
def test_excluded_bytes_are_not_sent(api: Api, accept: str) -> None:
    api.put("config", b"{}")
    refused(api.get("config", headers={"Accept": accept}), 406, "not_acceptable")


@pytest.mark.parametrize("accept", ["application/json;q=0", "application/json;q=0, */*;q=0.0"])
def test_excluded_json_is_not_sent_as_a_list(api: Api, accept: str) -> None:
    refused(api.get(headers={"Accept": accept}), 406, "not_acceptable")


def test_raw_takes_precedence_over_headers(api: Api) -> None:
    api.put("page", b"<html>", JSON, raw="")
    assert api.storage.read("page") == b"<html>"
    for accept in (JSON, HTML, "*/*"):
        answer = api.get("page", raw="", headers={"Accept": accept})
        assert (answer.content, answer.headers["Content-Type"]) == (b"<html>", OCTETS)


def test_raw_requests_get_errors_as_json(api: Api) -> None:
    refused(api.get("nothing", raw=""), 404, "key_not_found")
    refused(api.get("nothing", headers={"Accept": OCTETS}), 404, "key_not_found")
    refused(api.put("a\n", raw=""), 400, "invalid_key")


def test_browsers_get_the_browsable_page(api: Api) -> None:
    api.put("config", b"</pre><script>alert(1)</script>")
    answer = api.get("config", headers={"Accept": HTML})
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"<script>alert(1)" not in answer.content


def test_bytes_that_are_not_utf8_are_base64(api: Api) -> None:
    api.put("bytes", b"\xff\x00")
    body = api.get("bytes").json()
    assert (body["encoding"], base64.b64decode(body["value"])) == ("base64", b"\xff\x00")
    # A requested encoding that does not fit falls back to base64.
    for encoding in ("json", "utf-8"):
        assert api.get("bytes", encoding=encoding).json() == body


def test_requested_encoding(api: Api) -> None:
    api.put("config", b'{"a": [1, null, "\xc3\xa9"]}')
    as_json = api.get("config", encoding="json").json()
    assert (as_json["encoding"], as_json["value"]) == ("json", {"a": [1, None, "é"]})
    as_base64 = api.get("config", encoding="base64").json()
    assert base64.b64decode(as_base64["value"]) == api.storage.read("config")
    assert api.get("config", encoding="utf-8").json()["value"] == '{"a": [1, null, "é"]}'
    listed = api.get(encoding="json").json()["results"][0]
    assert listed["value"] == {"a": [1, None, "é"]}


def test_values_that_are_not_json_stay_text(api: Api) -> None:
    for value in (b"", b"{", b"NaN", b"[Infinity]", b"01", b"\xef\xbb\xbf{}", b"1e400", b"-1E999"):
        api.put("config", value)
        answer = api.get("config", encoding="json")
        assert answer.json()["encoding"] == "utf-8"
        assert "Infinity" not in answer.text or b"Infinity" in value


@pytest.mark.parametrize(
    ("document", "stored"),
    [
        ({"value": "text"}, b"text"),
        ({"value": ""}, b""),
        ({"value": "é", "encoding": "utf-8"}, "é".encode()),
        ({"value": "/wA=", "encoding": "base64"}, b"\xff\x00"),
        ({"value": "", "encoding": "base64"}, b""),
        ({"value": None, "encoding": "json"}, b"null"),
        ({"value": {"b": 1, "a": "é"}, "encoding": "json"}, '{\n  "b": 1,\n  "a": "é"\n}'.encode()),
        ({"value": 1.5, "encoding": "json"}, b"1.5"),
        ({"value": 2**80, "encoding": "json"}, str(2**80).encode()),
    ],
)
def test_put_of_the_json_representation(api: Api, document: Any, stored: bytes) -> None:
    assert api.put_json("config", document).status_code == 201
    assert api.storage.read("config") == stored
    with_charset = api.put("config", json.dumps(document), "Application/JSON; charset=utf-8")
    assert (with_charset.status_code, api.storage.read("config")) == (200, stored)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        '"text"',
        "{}",
        '{"value": 1}',
        '{"value": null}',
        '{"value": "x", "encoding": "latin1"}',
        '{"value": "x", "encoding": null}',
        '{"value": "x", "encoding": 5}',
        '{"value": "x", "encoding": "base64"}',
        '{"value": "YQ", "encoding": "base64"}',
        '{"value": "é", "encoding": "base64"}',
        '{"value": [], "encoding": "base64"}',
        '{"value": "\\ud800"}',
        '{"value": "\\ud800", "encoding": "json"}',
        '{"value": 1e400, "encoding": "json"}',
        '{"value": NaN, "encoding": "json"}',
        '{"value": "x", "key": "other"}',
        '{"value": "x", "if_revision": 3}',
        '{"value": "x", "\\ud800": 3}',
        "[" * 100_000,
        '{"value": ' + "9" * 5000 + ', "encoding": "json"}',
        b'{"value": "\xff"}',
        b"\xff\xfe{",
        b'\xef\xbb\xbf{"value": "x"}',
    ],
)
def test_invalid_json_representation_changes_nothing(api: Api, body: str | bytes) -> None:
    api.put("config", b"kept")
    refused(api.put("config", body, JSON), 400, "invalid_value")
    assert api.storage.read("config") == b"kept"


def test_body_of_any_other_type_is_the_value(api: Api) -> None:
    body = b'{"value": "not parsed"}'
    for content_type in (
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/json",
        "application/json-patch+json",
        "application/merge-patch+json",
        "nonsense",
        "",
    ):
        api.put("config", body, content_type)
        assert api.storage.read("config") == body
        api.storage.delete("config")


def test_write_that_accepts_bytes_has_no_response_body(logged: Api) -> None:
    created = logged.put("config", b"x", headers={"Accept": OCTETS})
    assert (created.status_code, created.content) == (201, b"")
    assert created.headers["ETag"] == tag(1)


def test_unknown_encoding_is_rejected(api: Api) -> None:
    api.put("config")
    refused(api.get("config", encoding="latin1"), 400, "invalid_value")
    refused(api.get(encoding="latin1"), 400, "invalid_value")
