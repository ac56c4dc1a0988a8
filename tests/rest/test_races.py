"""Permissions and preconditions under writes between the decision and the write."""

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


class RacingStorage(MemoryStorage):
    """A storage in which concurrent writes happen after each read, a limited number of times."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.concurrent: list[Callable[[], object]] = []

    def _get(self, key: str) -> Entry | None:
        found = super()._get(key)
        if self.concurrent:
            self.concurrent.pop(0)()
        return found


@pytest.fixture
def racing(settings: Any) -> RacingStorage:
    backend = f"{RacingStorage.__module__}.{RacingStorage.__qualname__}"
    settings.AGENT_MASTER_STORAGE = {"racing": {"BACKEND": backend}}
    storage = storages["racing"]
    assert isinstance(storage, RacingStorage)
    return storage


def test_user_with_add_cannot_change_by_a_race(log_in: LogIn, racing: RacingStorage) -> None:
    racing.concurrent = [lambda: racing.write("a", b"concurrent")]
    refused(Api(log_in("ann", "add"), "racing").put("a", b"mine"), 403, "permission_denied")
    assert racing.read("a") == b"concurrent"


def test_user_with_change_cannot_add_by_a_race(log_in: LogIn, racing: RacingStorage) -> None:
    racing.write("a", b"concurrent")
    racing.concurrent = [lambda: racing.delete("a")]
    refused(Api(log_in("ann", "change"), "racing").put("a", b"mine"), 403, "permission_denied")
    assert racing.list() == []


def test_user_with_change_retries_after_a_concurrent_change(
    log_in: LogIn, racing: RacingStorage
) -> None:
    racing.write("a", b"1")
    racing.concurrent = [lambda: racing.write("a", b"2"), lambda: racing.write("a", b"3")]
    answer = Api(log_in("ann", "change"), "racing").put("a", b"mine")
    assert (answer.status_code, answer.json()["revision"]) == (200, 4)


def test_commit_cannot_exceed_permissions_by_a_race(log_in: LogIn, racing: RacingStorage) -> None:
    write = {"op": "write", "key": "a", "value": "mine"}
    racing.concurrent = [lambda: racing.write("a", b"concurrent")]
    refused(Api(log_in("ann", "add"), "racing").commit(write), 403, "permission_denied")
    racing.concurrent = [lambda: racing.delete("a")]
    refused(Api(log_in("bob", "change"), "racing").commit(write), 403, "permission_denied")
    racing.concurrent = [lambda: racing.write("a", b"1") and racing.delete("a")]
    assert Api(log_in("eve", "add"), "racing").commit(write).status_code == 200
    assert racing.read("a") == b"mine"


def test_precondition_of_a_commit_still_fails(log_in: LogIn, racing: RacingStorage) -> None:
    api = Api(log_in("ann", "add", "view"), "racing")
    racing.write("seen", b"")
    racing.concurrent = [lambda: racing.write("seen", b"again")]
    write = {"op": "write", "key": "a", "value": "mine"}
    check = {"op": "check", "key": "seen", "revision": 1}
    body = refused(api.commit(write, check), 409, "revision_conflict")
    assert (body["index"], body["current"]) == (1, 2)


def test_precondition_is_checked_again_after_a_race(memory: Api, racing: RacingStorage) -> None:
    # The header lists several revisions; the write must succeed at these and at no other.
    api = Api(memory.client, "racing")
    racing.write("a", b"1")
    racing.concurrent = [lambda: racing.write("a", b"2")]
    either = {"If-Match": f"{tag(1)}, {tag(2)}"}
    assert api.put("a", b"mine", headers=either).json()["revision"] == 3
    racing.concurrent = [lambda: racing.write("a", b"concurrent")]
    refused(api.put("a", headers={"If-Match": f"{tag(3)}, {tag(9)}"}), 412, "precondition_failed")
    racing.concurrent = [lambda: racing.delete("a")]
    refused(api.put("a", headers={"If-Match": "*"}), 412, "precondition_failed")


def test_patch_and_delete_are_decided_again_after_a_race(
    memory: Api, racing: RacingStorage
) -> None:
    api = Api(memory.client, "racing")
    racing.write("a", b"{}")
    racing.concurrent = [lambda: racing.write("a", b'{"theirs": 1}')]
    assert api.patch("a", {"mine": 2}).status_code == 200
    assert racing.read_json("a") == {"theirs": 1, "mine": 2}
    racing.concurrent = [lambda: racing.write("a", b"text")]
    refused(api.patch("a", {}), 409, "not_json")
    racing.concurrent = [lambda: racing.write("a", b"{}")]
    refused(api.delete("a", headers={"If-Match": tag(4)}), 412, "precondition_failed")
    racing.concurrent = [lambda: racing.write("a", b"again")]
    assert api.delete("a", headers={"If-Match": "*"}).status_code == 204
    racing.write("a", b"{}")
    racing.concurrent = [lambda: racing.delete("a")]
    refused(api.patch("a", {}), 404, "key_not_found")


def test_attempts_are_limited(memory: Api, racing: RacingStorage) -> None:
    racing.write("a", b"{}")
    racing.concurrent = [lambda: racing.write("a", b"{}")] * 1000
    answer = Api(memory.client, "racing").patch("a", {})
    refused(answer, 503, "storage_unavailable")
    assert answer.headers["Retry-After"] == "1"
