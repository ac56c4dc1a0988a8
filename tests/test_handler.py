"""storages["alias"]: made from the setting, once, and closed with it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from agent_master_storage import storage, storages
from agent_master_storage.backends.database.storage import DatabaseStorage
from agent_master_storage.backends.memory import MemoryStorage
from agent_master_storage.exceptions import InvalidValue
from agent_master_storage.handler import UnknownStorage, make_storage
from agent_master_storage.testing import Recorder
from agent_master_storage.testing.base import Worker

MEMORY = "agent_master_storage.backends.memory.MemoryStorage"
DATABASE = "agent_master_storage.backends.database.DatabaseStorage"


def configured(**aliases: Any) -> Any:
    return override_settings(AGENT_MASTER_STORAGE=aliases)


def test_without_the_setting_there_is_one_database_storage(settings: Any) -> None:
    del settings.AGENT_MASTER_STORAGE
    assert list(storages) == ["default"]
    assert type(storages["default"]) is DatabaseStorage
    assert (storages["default"].using, storages["default"].namespace) == ("default", "agent-master")


def test_it_is_a_mapping() -> None:
    with configured(default={"BACKEND": MEMORY}, other={"BACKEND": MEMORY}):
        assert list(storages) == ["default", "other"]
        assert len(storages) == 2
        assert "other" in storages and "missing" not in storages
        assert storages.get("missing") is None
        assert [made.alias for made in storages.values()] == ["default", "other"]


def test_an_unknown_alias() -> None:
    with pytest.raises(UnknownStorage) as caught:
        storages["missing"]
    assert isinstance(caught.value, KeyError)
    assert isinstance(caught.value, ImproperlyConfigured)
    assert str(caught.value) == "AGENT_MASTER_STORAGE has no alias 'missing'"


def test_one_object_for_all_threads() -> None:
    found: list[Any] = []
    barrier = threading.Barrier(8)

    def look() -> None:
        barrier.wait()
        found.append(storages["memory"])

    workers = [Worker(look) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.finish()
    assert len({id(one) for one in found}) == 1


def test_the_proxy_follows_the_setting() -> None:
    with configured(default={"BACKEND": MEMORY}):
        storage.write("k", b"value")
        assert storage.read("k") == b"value"
        assert isinstance(storages["default"], MemoryStorage)
        with configured(default={"BACKEND": MEMORY}):
            assert storage.list() == []


def test_override_settings_closes_what_was_in_use() -> None:
    seen = Recorder()
    with configured(default={"BACKEND": MEMORY}):
        old = storages["default"]
        old.watch("k", seen)
        changes = old.changes()
        waiting = Worker(lambda: list(changes))
        waiting.start()
    waiting.finish()
    old.write("k", b"not heard of")
    assert storages["default"] is not old
    assert seen.values == []
    assert not [t for t in threading.enumerate() if t.name == "agent-master-storage-watch-k"]


def test_options_reach_the_adapter() -> None:
    with configured(default={"BACKEND": MEMORY, "OPTIONS": {"max_value_size": 3}}):
        storage.write("k", b"123")
        with pytest.raises(InvalidValue):
            storage.write("k", b"1234")


@pytest.mark.parametrize(
    ("description", "fault"),
    [
        ("text", "must be a dict with BACKEND and OPTIONS"),
        ({}, "names no BACKEND"),
        ({"BACKEND": MEMORY, "LOCATION": "x"}, "has unknown keys: LOCATION"),
        ({"BACKEND": MEMORY, "OPTIONS": []}, "OPTIONS must be a dict"),
        ({"BACKEND": MEMORY, "OPTIONS": {"alias": "x"}}, "unknown option 'alias'"),
        ({"BACKEND": MEMORY, "OPTIONS": {"usign": "x"}}, "unknown option 'usign'"),
        ({"BACKEND": MEMORY, "OPTIONS": {"using": "default"}}, "unknown option 'using'"),
        ({"BACKEND": "no.such.Thing"}, "BACKEND can't be imported"),
        ({"BACKEND": "agent_master_storage.backends.memory.Nothing"}, "BACKEND can't be imported"),
        ({"BACKEND": "nodots"}, "BACKEND can't be imported"),
        ({"BACKEND": "agent_master_storage.types.Entry"}, "is no BaseStorage"),
        ({"BACKEND": DATABASE, "OPTIONS": {"using": "missing"}}, "DATABASES has no alias"),
        ({"BACKEND": DATABASE, "OPTIONS": {"namespace": ""}}, "namespace must be a str"),
        ({"BACKEND": DATABASE, "OPTIONS": {"namespace": "x" * 65}}, "namespace must be a str"),
        ({"BACKEND": MEMORY, "OPTIONS": {"max_value_size": 0}}, "max_value_size must be a whole"),
        ({"BACKEND": MEMORY, "OPTIONS": {"max_value_size": True}}, "max_value_size must be"),
        ({"BACKEND": MEMORY, "OPTIONS": {"history_limit": -1}}, "history_limit must be a whole"),
        ({"BACKEND": MEMORY, "OPTIONS": {"history_bytes": "64"}}, "history_bytes must be a whole"),
    ],
)
def test_a_wrong_description_names_the_alias(description: Any, fault: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        make_storage("wrong", description)
    assert fault in str(caught.value)
    assert str(caught.value).startswith("AGENT_MASTER_STORAGE['wrong']")


def test_a_setting_that_is_no_dict() -> None:
    with (
        override_settings(AGENT_MASTER_STORAGE=["default"]),
        pytest.raises(ImproperlyConfigured, match="must be a dict of aliases"),
    ):
        storages["default"]


def test_a_closed_storage_may_be_used_again() -> None:
    made = storages["memory"]
    made.close()
    made.close()
    seen = Recorder()
    made.watch("k", seen)
    made.write("k", b"value")
    assert seen.wait(1) == [b"value"]


def test_close_inside_a_handler_does_not_wait_for_itself() -> None:
    made, seen = MemoryStorage(alias="test"), Recorder()

    def handler(value: bytes | None) -> None:
        made.close()
        seen(value)

    made.watch("k", handler)
    made.write("k", b"one")
    assert seen.wait(1) == [b"one"]
