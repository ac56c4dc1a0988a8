"""Valid and invalid keys, in the path and as ``?key=``."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from agent_master_storage import storages

from ..support.processes import Server
from .api import COMMITTED, ISOLATED, JSON, MERGE_PATCH, Api, refused
from .http_client import exchange

KEYS = [
    "config",
    "targets:cursor:config",
    "projects:/home/me/my project:config",
    "a/b/c",
    "/",
    "//",
    "a/",
    "a//b",
    "/a",
    ".",
    "..",
    "../../etc/passwd",
    "a/../b",
    "a/./b",
    "..%2f..%2fetc%2fpasswd",
    "C:\\windows\\..\\x",
    "%",
    "100%",
    "%41",
    "%2F",
    "%FF",
    "?",
    "a?key=b",
    "#",
    "a#b",
    "&=+;,",
    " ",
    " a ",
    "a+b",
    "~user",
    "*[a]\\?",
    "ключ",
    "鍵/キー",
    "e\u0301",
    "\u00e9",
    "\ufffd",
    "\u2028",
    "\U0001f511/\U0001f469\u200d\U0001f4bb",
    "\U0010ffff",
    "k" * 512,
    "\U0001f511" * 512,
]
NO_KEYS = ["\x00", "a\x00b", "a\nb", "\n", "a\n", "\r", "\t", "\x7f", "a\x85", "k" * 513, "é" * 513]


@ISOLATED
@pytest.mark.parametrize("key", KEYS)
def test_key_in_path_and_query_is_the_same(api: Api, key: str) -> None:
    assert api.put(key, b"1").json()["key"] == key
    assert api.storage.list() == [key]
    assert api.get(key).json() == api.get(key=key).json()
    assert api.put(None, b"2", key=key).status_code == 200
    assert api.get(key, raw="").content == b"2"
    assert api.get().json()["results"][0]["key"] == key
    assert api.delete(None, key=key).status_code == 204
    assert api.storage.list() == []


@ISOLATED
@pytest.mark.parametrize("key", NO_KEYS)
def test_invalid_key_is_rejected_with_json(api: Api, key: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        refused(api.send(method, key), 400, "invalid_key")
        refused(api.send(method, key=key), 400, "invalid_key")
    head = api.send("HEAD", key)
    assert head.status_code == 400
    assert api.storage.list() == []


@ISOLATED
@pytest.mark.parametrize("key", NO_KEYS)
def test_invalid_key_is_rejected_everywhere(logged: Api, key: str) -> None:
    refused(logged.patch(key, {}), 400, "invalid_key")
    refused(logged.changes(key=key), 400, "invalid_key")
    refused(logged.changes(prefix=key), 400, "invalid_key")
    refused(logged.get(prefix=key), 400, "invalid_key")
    refused(logged.get(after=key), 400, "invalid_key")
    refused(logged.commit({"op": "write", "key": key, "value": ""}), 400, "invalid_key")


@ISOLATED
def test_empty_key_is_rejected(memory: Api) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        refused(memory.send(method, None, b"{}", MERGE_PATCH, key=""), 400, "invalid_key")
    for method in ("PUT", "PATCH", "DELETE"):
        for path in ("entries", "entries/"):
            answer = memory.client.generic(method, f"/storage/memory/{path}", b"{}", MERGE_PATCH)
            refused(answer, 400, "invalid_key")
    refused(memory.changes(key=""), 400, "invalid_key")


@ISOLATED
def test_key_in_both_path_and_query_is_rejected(memory: Api) -> None:
    for method in ("GET", "PUT", "DELETE"):
        refused(memory.send(method, "a", key="a"), 400, "invalid_key")
    assert memory.storage.list() == []


@ISOLATED
def test_trailing_slash_belongs_to_the_key(memory: Api) -> None:
    memory.put("a", b"1")
    memory.put("a/", b"2")
    assert memory.storage.list() == ["a", "a/"]
    assert memory.get("a/", raw="").content == b"2"
    # After "entries" it does not.
    assert memory.client.get("/storage/memory/entries/").json() == memory.get().json()


@ISOLATED
def test_unencoded_characters_give_the_same_key(memory: Api) -> None:
    memory.client.generic("PUT", "/storage/memory/entries/a/b:c@d$e!f'(g)*,;=~h", b"")
    assert memory.storage.list() == ["a/b:c@d$e!f'(g)*,;=~h"]


@ISOLATED
@pytest.mark.parametrize("key", ["%FF", "a%C3", "%ED%A0%80", "%C0%AF", "%F5%80%80%80"])
def test_query_that_is_not_utf8_is_rejected(memory: Api, key: str) -> None:
    for name in ("key", "prefix", "after", "other"):
        answer = memory.client.get(f"/storage/memory/entries?{name}={key}")
        refused(answer, 400, "invalid_key")


@COMMITTED
def test_path_that_is_not_utf8_is_rejected(uvicorn: Server, admin_user: object) -> None:
    for key in ("%FF", "a%C3", "%ED%A0%80", "%C0%AF", "x/%FE/y"):
        for method in ("GET", "PUT", "DELETE"):
            answer = exchange(uvicorn, method, f"/storage/memory/entries/{key}", body=b"x")
            assert (answer.status, answer.json()["code"]) == (400, "invalid_key")
            assert answer.headers["Content-Type"] == JSON
    # The replacement character is an ordinary character.
    written = exchange(uvicorn, "PUT", "/storage/default/entries/%EF%BF%BD", body=b"x")
    assert (written.status, written.json()["key"]) == (201, "\ufffd")


@COMMITTED
def test_keys_are_unchanged_by_a_server(uvicorn: Server, admin_user: object) -> None:
    for key in KEYS:
        path = f"/storage/default/entries/{quote(key, safe='')}"
        assert exchange(uvicorn, "PUT", path, body=key.encode()).status == 201
        assert exchange(uvicorn, "GET", path).json()["key"] == key
        assert exchange(uvicorn, "GET", f"{path}?raw").body == key.encode()
    assert storages["default"].list() == sorted(KEYS)


@COMMITTED
def test_invalid_key_is_rejected_by_a_server(uvicorn: Server, admin_user: object) -> None:
    for key in NO_KEYS:
        path = f"/storage/default/entries/{quote(key, safe='')}"
        answer = exchange(uvicorn, "PUT", path, body=b"")
        assert (answer.status, answer.json()["code"]) == (400, "invalid_key")
    assert storages["default"].list() == []
