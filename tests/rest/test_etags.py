"""ETag, If-Match and If-None-Match in all their forms."""

from __future__ import annotations

import pytest

from .api import ISOLATED, OCTETS, Api, refused, tag

pytestmark = ISOLATED

#: the entry of these tests is at revision 3
MATCHING = [
    '"3"',
    '"2", "3"',
    '"3","4"',
    ' "3" ',
    '"a,b", "3"',
    "*",
    " * ",
    ', "3",,',
    'W/"9", "3"',
]
WEAK = ['W/"3"', '"2", W/"3"']
OTHERS = [
    '"2"',
    '"4"',
    '"2", "4"',
    '""',
    '"three"',
    '"03"',
    '"-3"',
    '"3 "',
    '"0"',
    'W/"2"',
    f'"{2**63}"',
    f'"{10**18}"',
    '"' + "9" * 5000 + '"',
]
MALFORMED = [
    "3",
    "",
    " ",
    ",",
    '"3',
    '3"',
    "'3'",
    '"3" "4"',
    '*, "3"',
    '"3", *',
    'w/"3"',
    'W/ "3"',
    '"3";',
    "**",
]


@pytest.fixture
def entry(logged: Api) -> Api:
    for value in (b"one", b"two", b"three"):
        logged.put("config", value)
    return logged


def writes(api: Api, key: str, headers: dict[str, str]) -> list[tuple[int, object]]:
    """Return the responses of the three methods that change an entry."""
    answers = [api.put(key, b"{}", headers=headers), api.patch(key, {}, headers=headers)]
    answers.append(api.delete(key, headers=headers))
    return [(answer.status_code, answer.content and answer.json()) for answer in answers]


@pytest.mark.parametrize("header", MATCHING)
def test_if_match_that_holds(entry: Api, header: str) -> None:
    answer = entry.put("config", b"{}", headers={"If-Match": header})
    assert (answer.status_code, answer.headers["ETag"]) == (200, tag(4))
    entry.put("other", b"{}")
    patched = entry.patch("config", {}, headers={"If-Match": header.replace("3", "4")})
    assert (patched.status_code, patched.headers["ETag"]) == (200, tag(6))
    deleted = entry.delete("config", headers={"If-Match": header.replace("3", "6")})
    assert deleted.status_code == 204


@pytest.mark.parametrize("header", OTHERS + WEAK)
def test_if_match_that_fails(entry: Api, header: str) -> None:
    for status, body in writes(entry, "config", {"If-Match": header}):
        assert (status, body["code"], body["current"]) == (412, "precondition_failed", 3)
    assert entry.storage.revision == 3
    refused(entry.get("config", headers={"If-Match": header}), 412, "precondition_failed")


@pytest.mark.parametrize("header", MATCHING + OTHERS)
def test_if_match_of_a_missing_key(entry: Api, header: str) -> None:
    # RFC 9110: it is false without a representation, so a writer never re-creates a deleted entry.
    for status, body in writes(entry, "missing", {"If-Match": header}):
        assert (status, body["code"], body["current"]) == (412, "precondition_failed", 0)
    assert entry.storage.revision == 3


def test_if_none_match_star_creates_but_never_changes(entry: Api) -> None:
    headers = {"If-None-Match": "*"}
    for status, body in writes(entry, "config", headers):
        assert (status, body["current"]) == (412, 3)
    answer = entry.put("new", b"x", headers=headers)
    assert (answer.status_code, answer.headers["ETag"]) == (201, tag(4))
    again = refused(entry.put("new", b"y", headers=headers), 412, "precondition_failed")
    assert again["current"] == 4
    assert entry.storage.read("new") == b"x"


@pytest.mark.parametrize("header", ['"3"', 'W/"3"', '"2", W/"3"'])
def test_if_none_match_of_a_revision(entry: Api, header: str) -> None:
    for status, _ in writes(entry, "config", {"If-None-Match": header}):
        assert status == 412
    assert entry.put("config", b"x", headers={"If-None-Match": '"2"'}).status_code == 200


@pytest.mark.parametrize("header", [*MATCHING, *WEAK])
def test_get_of_a_known_revision_is_304(entry: Api, header: str) -> None:
    for method in ("GET", "HEAD"):
        for accept in ("*/*", OCTETS, "text/html"):
            headers = {"If-None-Match": header, "Accept": accept}
            answer = entry.send(method, "config", headers=headers)
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["ETag"] == tag(3)
            assert "Accept" in answer.headers["Vary"]
            assert answer.headers["Cache-Control"] == "private, no-cache"
    refused(entry.get("missing", headers={"If-None-Match": header}), 404, "key_not_found")


@pytest.mark.parametrize("header", OTHERS)
def test_get_of_a_changed_entry_is_200(entry: Api, header: str) -> None:
    answer = entry.get("config", headers={"If-None-Match": header})
    assert (answer.status_code, answer.json()["value"]) == (200, "three")
    assert answer.headers["Content-Length"] != "0"


def test_get_of_an_old_revision_has_its_etag(entry: Api) -> None:
    assert entry.get("config", revision=2, headers={"If-None-Match": tag(2)}).status_code == 304
    assert entry.get("config", revision=2, headers={"If-None-Match": tag(3)}).status_code == 200


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("header", MALFORMED)
def test_malformed_precondition_is_rejected(memory: Api, name: str, header: str) -> None:
    memory.put("config", b"{}")
    for status, body in writes(memory, "config", {name: header}):
        assert (status, body["code"]) == (400, "invalid_value")
    refused(memory.get("config", headers={name: header}), 400, "invalid_value")
    assert memory.storage.revision == 1


def test_if_match_takes_precedence_over_if_none_match(entry: Api) -> None:
    both = {"If-Match": tag(3), "If-None-Match": tag(2)}
    assert entry.put("config", b"x", headers=both).status_code == 200
    failing = {"If-Match": tag(9), "If-None-Match": tag(4)}
    refused(entry.get("config", headers=failing), 412, "precondition_failed")
    known = {"If-Match": tag(4), "If-None-Match": tag(4)}
    assert entry.get("config", headers=known).status_code == 304
    refused(entry.put("config", headers=known), 412, "precondition_failed")


def test_long_header_is_parsed_quickly(memory: Api) -> None:
    memory.put("config")
    for header in ('"1"' + " " * 60_000 + "x", '"1"' + ", " * 30_000 + "x", '"1",' * 15_000 + "x"):
        refused(memory.get("config", headers={"If-Match": header}), 400, "invalid_value")


def test_etag_of_a_put_is_valid_for_the_next(logged: Api) -> None:
    etag = logged.put("config", b"0").headers["ETag"]
    for number in range(1, 5):
        answer = logged.put("config", str(number), headers={"If-Match": etag})
        assert answer.status_code == 200
        refused(logged.put("config", headers={"If-Match": etag}), 412, "precondition_failed")
        etag = answer.headers["ETag"]
    assert logged.delete("config", headers={"If-Match": etag}).status_code == 204
