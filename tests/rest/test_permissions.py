"""Permissions: Django's on Entry, or the project's policy."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from agent_master_storage import storages

from .api import ISOLATED, Api, refused
from .conftest import LogIn

pytestmark = ISOLATED

WRITE = {"op": "write", "key": "new", "value": "x"}
#: the permission that each request requires, and its status when it is granted
REQUESTS: dict[str, list[tuple[str, str | None, str]]] = {
    "view": [
        ("GET", None, "entries"),
        ("GET", "a", "entries"),
        ("HEAD", "a", "entries"),
        ("GET", None, "changes"),
        ("GET", None, ""),
    ],
    "change": [("PUT", "a", "entries")],
    "add": [("PUT", "new", "entries")],
    "delete": [("DELETE", "a", "entries")],
}


@pytest.fixture
def filled(logged: Api) -> str:
    logged.storage.write("a", b"{}")
    return logged.alias


def use(settings: Any, policy: str) -> None:
    settings.AGENT_MASTER_STORAGE_PERMISSION = f"tests.rest.permission_policies.{policy}"


@pytest.mark.parametrize("granted", ["", *REQUESTS])
def test_each_request_requires_its_permission(log_in: LogIn, filled: str, granted: str) -> None:
    api = Api(log_in("ann", *([granted] if granted else [])), filled)
    for needed, requests in REQUESTS.items():
        for method, key, what in requests:
            answer = api.send(method, key, b"{}", what=what)
            if needed == granted:
                assert answer.status_code in (200, 201, 204)
            elif method == "HEAD":
                assert answer.status_code == 403
            else:
                refused(answer, 403, "permission_denied")


def test_patch_requires_change_and_view(log_in: LogIn, filled: str) -> None:
    # The response to an empty patch contains the document.
    for name, actions, status in (
        ("a", ["change"], 403),
        ("b", ["view"], 403),
        ("c", ["add", "delete", "view"], 403),
        ("d", ["change", "view"], 200),
    ):
        answer = Api(log_in(name, *actions), filled).patch("a", {})
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("operation", "needed"),
    [
        ({"op": "write", "key": "new", "value": ""}, "add"),
        ({"op": "write", "key": "a", "value": ""}, "change"),
        ({"op": "write", "key": "new", "value": "", "if_revision": 0}, "add"),
        ({"op": "write", "key": "a", "value": "", "if_revision": 1}, "change"),
        ({"op": "delete", "key": "a"}, "delete"),
        ({"op": "check", "key": "a", "revision": 1}, "view"),
    ],
)
def test_each_operation_of_a_commit_requires_its_permission(
    log_in: LogIn, filled: str, operation: Any, needed: str
) -> None:
    others = [action for action in REQUESTS if action != needed]
    without = Api(log_in("ann", *others), filled)
    assert refused(without.commit(operation), 403, "permission_denied")["index"] == 0
    with_more = [{"op": "check", "key": "b", "revision": 0}, operation]
    allowed = Api(log_in("bob", needed, "view"), filled)
    assert allowed.commit(*with_more).status_code == 200
    refused(Api(log_in("eve"), filled).commit(operation), 403, "permission_denied")


def test_one_denied_operation_rejects_the_commit(log_in: LogIn, filled: str) -> None:
    api = Api(log_in("ann", "add"), filled)
    change = {"op": "write", "key": "a", "value": "x"}
    assert refused(api.commit(WRITE, change), 403, "permission_denied")["index"] == 1
    assert api.storage.list() == ["a"]


def test_empty_commit_requires_view(log_in: LogIn, filled: str) -> None:
    refused(Api(log_in("ann", "add"), filled).commit(), 403, "permission_denied")
    assert Api(log_in("bob", "view"), filled).commit().status_code == 200


def test_precondition_does_not_change_the_permission(log_in: LogIn, filled: str) -> None:
    adder = Api(log_in("ann", "add"), filled)
    for headers in ({"If-Match": "*"}, {"If-Match": '"1"'}, {"If-Match": '"9"'}):
        refused(adder.put("a", headers=headers), 403, "permission_denied")
    changer = Api(log_in("bob", "change"), filled)
    refused(changer.put("b", headers={"If-None-Match": "*"}), 403, "permission_denied")
    refused(adder.put("a", headers={"If-None-Match": "*"}), 403, "permission_denied")
    assert adder.put("b", headers={"If-None-Match": "*"}).status_code == 201
    assert changer.put("a", headers={"If-Match": '"1"'}).status_code == 200


def test_unknown_storage_is_404_only_with_permission(log_in: LogIn) -> None:
    refused(Api(log_in("ann"), "nowhere").get("a"), 403, "permission_denied")
    refused(Api(log_in("bob", "view"), "nowhere").get("a"), 404, "unknown_storage")
    refused(Api(Client(), "nowhere").get("a"), 401, "not_authenticated")


def test_list_of_storages_without_permission_is_empty(log_in: LogIn) -> None:
    assert log_in("ann").get("/storage/").json() == {"results": []}
    assert len(log_in("bob", "view").get("/storage/").json()["results"]) == len(storages)


def test_policy_by_key(log_in: LogIn, settings: Any, filled: str) -> None:
    use(settings, "own_keys")
    ann, bob = Api(log_in("ann"), filled), Api(log_in("bob"), filled)
    assert ann.put("ann:a").status_code == 201
    assert ann.get("ann:a").status_code == ann.get(key="ann:a").status_code == 200
    assert ann.get(prefix="ann:").status_code == 200
    refused(ann.get(), 403, "permission_denied")
    refused(ann.get(prefix="ann"), 403, "permission_denied")
    for refusal in (
        bob.get("ann:a"),
        bob.get(key="ann:a"),
        bob.put("ann:a"),
        bob.put(None, key="ann:a"),
        bob.patch("ann:a", {}),
        bob.delete("ann:a"),
        bob.get(prefix="ann:"),
        bob.changes(key="ann:a"),
        bob.changes(prefix="ann:"),
        bob.changes(),
        bob.get("ann:a", prefix="bob:"),
        bob.send("DELETE", "ann:a", prefix="bob:"),
    ):
        refused(refusal, 403, "permission_denied")
    # A permitted key in the query does not grant access to the key in the path.
    assert bob.get("ann:a", key="bob:a").status_code in (400, 403)
    assert bob.get(key="bob:a", prefix="ann:").status_code == 404
    refused(bob.changes(key="bob:a", prefix="ann:"), 400, "invalid_value")
    refused(bob.get(key="", prefix="bob:"), 400, "invalid_key")
    assert bob.changes(prefix="bob:").status_code == 200


def test_commit_under_a_policy_by_key(log_in: LogIn, settings: Any, filled: str) -> None:
    use(settings, "own_keys")
    ann = Api(log_in("ann"), filled)
    mine = {"op": "write", "key": "ann:a", "value": "x"}
    assert ann.commit(mine).status_code == 200
    theirs: list[dict[str, Any]] = [
        {"op": "write", "key": "bob:a", "value": "x"},
        {"op": "write", "key": "bob:a", "value": "x", "if_revision": 0},
        {"op": "delete", "key": "a"},
        {"op": "check", "key": "a", "revision": 1},
    ]
    for operation in theirs:
        assert refused(ann.commit(mine, operation), 403, "permission_denied")["index"] == 1
    public = {"op": "check", "key": "public:a", "revision": 0}
    assert ann.commit(mine, public).status_code == 200
    refused(ann.commit(), 403, "permission_denied")
    refused(ann.commit({"op": "delete", "key": 5}), 400, "invalid_key")
    refused(Api(Client(), filled).commit(mine), 401, "not_authenticated")


def test_policy_may_allow_anonymous_users(settings: Any, filled: str) -> None:
    api = Api(Client(), filled)
    refused(api.get("a"), 401, "not_authenticated")
    use(settings, "everybody")
    assert api.put("b").json()["actor"] == ""
    assert api.get("b").status_code == 200
    assert api.commit(WRITE).status_code == 200
    assert api.patch("a", {"c": 1}).status_code == 200
    assert api.delete("a").status_code == 204
    assert len(Client().get("/storage/").json()["results"]) == len(storages)


def test_policy_may_allow_a_prefix(settings: Any, filled: str) -> None:
    use(settings, "own_keys")
    api = Api(Client(), filled)
    refused(api.get("public:a"), 404, "key_not_found")
    assert api.get(prefix="public:").status_code == 200
    refused(api.put("public:a"), 401, "not_authenticated")
    refused(api.get("ann:a"), 401, "not_authenticated")


def test_list_contains_visible_storages_only(log_in: LogIn, settings: Any) -> None:
    use(settings, "one_storage")
    for client in (Client(), log_in("ann")):
        results = client.get("/storage/").json()["results"]
        assert [result["alias"] for result in results] == ["memory"]


def test_policy_that_raises_allows_nothing(log_in: LogIn, settings: Any, filled: str) -> None:
    use(settings, "broken")
    client = log_in("ann", "view", raise_request_exception=False)
    body = refused(Api(client, filled).get("a"), 500, "error")
    assert "secret" not in body["detail"]
