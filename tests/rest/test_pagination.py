"""Lists of entries: pages in key order."""

from __future__ import annotations

from itertools import chain
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from agent_master_storage.exceptions import KeyNotFound
from agent_master_storage.types import Write

from .api import ISOLATED, Api, refused

pytestmark = ISOLATED

MIB = 1024 * 1024


def pages(api: Api, **query: Any) -> list[list[str]]:
    """Return the keys of each page, following ``next``."""
    found = []
    answer = api.get(**query).json()
    while True:
        found.append([entry["key"] for entry in answer["results"]])
        if answer["next"] is None:
            return found
        answer = api.client.get(answer["next"]).json()


def flat(found: list[list[str]]) -> list[str]:
    return list(chain(*found))


def fill(api: Api, keys: list[str], value: bytes = b"x") -> None:
    if api.alias == "plain":
        for key in keys:
            api.storage.write(key, value)
    else:
        api.storage.commit([Write(key, value) for key in keys])


def test_empty_list(logged: Api) -> None:
    assert logged.get().json() == {
        "revision": 0,
        "epoch": logged.storage.epoch,
        "results": [],
        "next": None,
    }


def test_next_links_lead_through_250_keys(api: Api) -> None:
    keys = sorted(f"key-{number}" for number in range(250))
    fill(api, keys)
    found = pages(api)
    assert [len(page) for page in found] == [100, 100, 50]
    assert flat(found) == keys
    assert flat(pages(api, limit=7, values="false")) == keys


def test_full_last_page_has_no_next(api: Api) -> None:
    fill(api, ["a", "b", "c", "d"])
    assert pages(api, limit=2) == [["a", "b"], ["c", "d"]]
    assert pages(api, limit=4) == [["a", "b", "c", "d"]]


def test_next_link_keeps_the_query_and_quotes_the_key(api: Api) -> None:
    keys = sorted(["p&q=1", "p#", "p%41", "p+", "p ", "p/é", "p\u2028"])
    fill(api, [*keys, "other"])
    first = api.get(prefix="p", limit=1, values="false", encoding="json").json()
    query = parse_qs(urlsplit(first["next"]).query)
    assert query == {
        "prefix": ["p"],
        "limit": ["1"],
        "values": ["false"],
        "encoding": ["json"],
        "after": [keys[0]],
    }
    assert pages(api, prefix="p", limit=1) == [[key] for key in keys]


def test_prefix_is_exact(api: Api) -> None:
    fill(api, ["a", "a*b", "a[b]", "a\\b", "ab", "aB", "a_b", "a%b", "b"])
    for prefix in ("a*", "a[", "a\\", "a_", "a%"):
        assert pages(api, prefix=prefix) == [api.storage.list(prefix)]
        assert all(key.startswith(prefix) for key in pages(api, prefix=prefix)[0])
    assert pages(api, prefix="ab") == [["ab"]]
    assert pages(api, prefix="none") == [[]]


def test_page_whose_keys_are_deleted_meanwhile_is_followed_by_the_next(
    plain: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(plain, ["a", "b", "c"])
    read = plain.storage.read

    def read_but_not_a(key: str) -> bytes:
        if key == "a":
            raise KeyNotFound(key)
        return read(key)

    monkeypatch.setattr(plain.storage, "read", read_but_not_a)
    assert pages(plain, limit=1) == [[], ["b"], ["c"]]


def test_order_is_by_code_point(api: Api) -> None:
    keys = ["B", "a", "z", "Ä", "ä", "\uffff", "\U00010000", "a/b", "a:b", "a b"]
    fill(api, keys)
    assert flat(pages(api, limit=3)) == sorted(keys)


def test_after_need_not_exist(api: Api) -> None:
    fill(api, ["a", "c", "e"])
    for after, rest in (("", "ace"), ("a", "ce"), ("b", "ce"), ("e", ""), ("z", "")):
        assert flat(pages(api, after=after)) == list(rest)
    assert pages(api, prefix="a", after="b") == [[]]


def test_list_without_values(logged: Api) -> None:
    logged.put("a")
    for values in ("false", "0", "False"):
        results = logged.get(values=values).json()["results"]
        assert results == [{"key": "a", "revision": 1}]
    for values in ("true", "1"):
        assert logged.get(values=values).json()["results"][0]["value"] == "x"


def test_list_has_revision_and_epoch(logged: Api) -> None:
    # With these a client continues with the changes after the list.
    for _ in range(3):
        logged.put("a")
    body = logged.get(limit=1).json()
    assert (body["revision"], body["epoch"]) == (3, logged.storage.epoch)


def test_limit_is_validated_and_clamped(api: Api) -> None:
    fill(api, [f"{number:04}" for number in range(1000)])
    api.storage.write("more", b"")
    assert len(api.get().json()["results"]) == 100
    for limit in (1000, 1001, 10**30):
        body = api.get(limit=limit).json()
        assert len(body["results"]) == 1000
        assert body["next"] is not None
    for limit in (0, -1, "", "x", "1.5", "1e2", "٣", "0x10", "9" * 5000):
        refused(api.get(limit=limit), 400, "invalid_value")
    assert "a whole number from 1, not '-1'" in api.get(limit=-1).json()["detail"]


@pytest.mark.parametrize("values", ["", "no", "2", "null"])
def test_invalid_flag_is_rejected(api: Api, values: str) -> None:
    refused(api.get(values=values), 400, "invalid_value")


def test_page_ends_early_near_4_mib(api: Api) -> None:
    keys = list("abcdef")
    fill(api, keys, b"x" * MIB)
    found = pages(api)
    assert [len(page) for page in found] == [4, 2]
    assert flat(found) == keys
    # Without values the page is small.
    assert pages(api, values="false") == [keys]


def test_page_holds_at_least_one_value(logged: Api, settings: Any) -> None:
    configured = {alias: dict(value) for alias, value in settings.AGENT_MASTER_STORAGE.items()}
    options = {**configured[logged.alias].get("OPTIONS", {}), "max_value_size": 6 * MIB}
    configured[logged.alias]["OPTIONS"] = options
    settings.AGENT_MASTER_STORAGE = configured
    for key in "abc":
        logged.storage.write(key, b"x" * 5 * MIB)
    assert pages(logged) == [["a"], ["b"], ["c"]]


def test_head_of_a_list(api: Api) -> None:
    fill(api, ["a"])
    answer = api.send("HEAD")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("name", ["revision", "since", "wait"])
@pytest.mark.parametrize("number", ["-1", "x", "", "1.5.0", "nan", "inf", "1e9", "9" * 5000, "²"])
def test_invalid_numbers_are_rejected(memory: Api, name: str, number: str) -> None:
    memory.put("a")
    key = "a" if name == "revision" else None
    what = "entries" if name == "revision" else "changes"
    refused(memory.send("GET", key, what=what, **{name: number}), 400, "invalid_value")


def test_huge_numbers(memory: Api) -> None:
    memory.put("a")
    for number in (2**63, 10**100, 10**3999):
        refused(memory.get("a", revision=number), 400, "invalid_value")
        refused(memory.changes(since=number), 400, "invalid_value")
    refused(memory.get("a", revision=2**63 - 1), 410, "revision_ahead")
    refused(memory.changes(since=2**63 - 1), 410, "revision_ahead")


def test_too_many_parameters_are_rejected(memory: Api) -> None:
    # One more than Django accepts.
    query = "&".join(["a=1"] * 1001)
    refused(memory.client.get(f"/storage/memory/entries?{query}"), 400, "bad_request")
    refused(memory.client.get(f"/storage/memory/changes?{query}"), 400, "bad_request")
