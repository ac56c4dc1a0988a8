"""Permissions and conditions when others write between the look and the write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agent_master_storage import storages
from agent_master_storage.backends.memory import MemoryStorage
from agent_master_storage.types import Entry

from .api import ISOLATED, Api, refused, tag
from .conftest import LogIn

pytestmark = ISOLATED


class BusyStorage(MemoryStorage):
    """Somebody else is quicker: after each look, ``others`` do something, for a while."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.others: list[Callable[[], object]] = []

    def _get(self, key: str) -> Entry | None:
        found = super()._get(key)
        if self.others:
            self.others.pop(0)()
        return found


@pytest.fixture
def busy(settings: Any) -> BusyStorage:
    backend = f"{BusyStorage.__module__}.{BusyStorage.__qualname__}"
    settings.AGENT_MASTER_STORAGE = {"busy": {"BACKEND": backend}}
    storage = storages["busy"]
    assert isinstance(storage, BusyStorage)
    return storage


def test_who_may_add_does_not_change(log_in: LogIn, busy: BusyStorage) -> None:
    busy.others = [lambda: busy.write("a", b"theirs")]
    refused(Api(log_in("ann", "add"), "busy").put("a", b"mine"), 403, "permission_denied")
    assert busy.read("a") == b"theirs"


def test_who_may_change_does_not_add(log_in: LogIn, busy: BusyStorage) -> None:
    busy.write("a", b"theirs")
    busy.others = [lambda: busy.delete("a")]
    refused(Api(log_in("ann", "change"), "busy").put("a", b"mine"), 403, "permission_denied")
    assert busy.list() == []


def test_who_may_change_goes_on_after_a_change(log_in: LogIn, busy: BusyStorage) -> None:
    busy.write("a", b"1")
    busy.others = [lambda: busy.write("a", b"2"), lambda: busy.write("a", b"3")]
    answer = Api(log_in("ann", "change"), "busy").put("a", b"mine")
    assert (answer.status_code, answer.json()["revision"]) == (200, 4)


def test_a_commit_neither(log_in: LogIn, busy: BusyStorage) -> None:
    write = {"op": "write", "key": "a", "value": "mine"}
    busy.others = [lambda: busy.write("a", b"theirs")]
    refused(Api(log_in("ann", "add"), "busy").commit(write), 403, "permission_denied")
    busy.others = [lambda: busy.delete("a")]
    refused(Api(log_in("bob", "change"), "busy").commit(write), 403, "permission_denied")
    busy.others = [lambda: busy.write("a", b"1") and busy.delete("a")]
    assert Api(log_in("eve", "add"), "busy").commit(write).status_code == 200
    assert busy.read("a") == b"mine"


def test_a_commits_own_condition_still_fails(log_in: LogIn, busy: BusyStorage) -> None:
    api = Api(log_in("ann", "add", "view"), "busy")
    busy.write("seen", b"")
    busy.others = [lambda: busy.write("seen", b"again")]
    write = {"op": "write", "key": "a", "value": "mine"}
    check = {"op": "check", "key": "seen", "revision": 1}
    body = refused(api.commit(write, check), 409, "revision_conflict")
    assert (body["index"], body["current"]) == (1, 2)


def test_a_condition_is_looked_at_anew(memory: Api, busy: BusyStorage) -> None:
    """A list names several revisions: the write must hold for each of them, and for no other."""
    api = Api(memory.client, "busy")
    busy.write("a", b"1")
    busy.others = [lambda: busy.write("a", b"2")]
    either = {"If-Match": f"{tag(1)}, {tag(2)}"}
    assert api.put("a", b"mine", headers=either).json()["revision"] == 3
    busy.others = [lambda: busy.write("a", b"theirs")]
    refused(api.put("a", headers={"If-Match": f"{tag(3)}, {tag(9)}"}), 412, "precondition_failed")
    busy.others = [lambda: busy.delete("a")]
    refused(api.put("a", headers={"If-Match": "*"}), 412, "precondition_failed")


def test_a_patch_and_a_delete_are_decided_anew(memory: Api, busy: BusyStorage) -> None:
    api = Api(memory.client, "busy")
    busy.write("a", b"{}")
    busy.others = [lambda: busy.write("a", b'{"theirs": 1}')]
    assert api.patch("a", {"mine": 2}).status_code == 200
    assert busy.read_json("a") == {"theirs": 1, "mine": 2}
    busy.others = [lambda: busy.write("a", b"text")]
    refused(api.patch("a", {}), 409, "not_json")
    busy.others = [lambda: busy.write("a", b"{}")]
    refused(api.delete("a", headers={"If-Match": tag(4)}), 412, "precondition_failed")
    busy.others = [lambda: busy.write("a", b"again")]
    assert api.delete("a", headers={"If-Match": "*"}).status_code == 204
    busy.write("a", b"{}")
    busy.others = [lambda: busy.delete("a")]
    refused(api.patch("a", {}), 404, "key_not_found")


def test_nobody_tries_for_ever(memory: Api, busy: BusyStorage) -> None:
    busy.write("a", b"{}")
    busy.others = [lambda: busy.write("a", b"{}")] * 1000
    answer = Api(memory.client, "busy").patch("a", {})
    refused(answer, 503, "storage_unavailable")
    assert answer.headers["Retry-After"] == "1"
