"""The engine as a whole: its interface, its errors, transactions and settings."""

from __future__ import annotations

import inspect
import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from agent_master_storage import actor, storages
from agent_master_storage.engine import Engine, exceptions
from agent_master_storage.engine.exceptions import InvalidDocument
from agent_master_storage.exceptions import InvalidValue, StorageError

from .documents import GO, put, stored

SERVER = {"command": "uvx"}


def methods() -> list[str]:
    found = inspect.getmembers(Engine, inspect.isfunction)
    return [name for name, function in found if not inspect.iscoroutinefunction(function)]


def test_every_method_has_a_docstring_and_an_async_twin() -> None:
    # at() only creates another engine, and sync() is short for sync_one().
    public = [name for name in methods() if not name.startswith("_") and name not in ("at", "sync")]
    assert len(public) > 25
    for name in public:
        twin = getattr(Engine, f"a{name}")
        assert inspect.iscoroutinefunction(twin)
        assert twin.__doc__ == f"See {name}()."
        assert inspect.signature(twin) == inspect.signature(getattr(Engine, name))
        assert inspect.getdoc(getattr(Engine, name))


def test_sync_and_its_twin_have_regular_names_and_the_old_ones_still_work() -> None:
    assert Engine.sync is Engine.sync_one
    assert Engine.async_ is Engine.async_one


def test_at_most_three_own_classes() -> None:
    own = [cls for cls in Engine.__mro__ if cls.__module__.startswith("agent_master_storage")]
    assert len(own) <= 3


async def test_an_async_twin_calls_the_override_of_a_subclass() -> None:
    class Shouting(Engine):
        def get_server(self, name: str) -> Any:
            return name.upper()

    assert await Shouting(storage=storages["memory"]).aget_server("a") == "A"


def test_without_a_storage_the_default_one_is_used() -> None:
    assert Engine().storage.alias == "default"
    assert repr(Engine(storage=storages["memory"])) == "<Engine on <MemoryStorage 'memory'>>"


def test_changes_have_the_actor(everywhere: Engine) -> None:
    with actor("ann"):
        everywhere.add_server("a", SERVER)
    assert everywhere.storage.entry("config").actor == "ann"
    assert everywhere.get_server("a").internal.created_by == "ann"


@pytest.mark.django_db(transaction=True, databases=["default", "postgres"])
@pytest.mark.parametrize("alias", ["default", "postgres"])
def test_changes_join_the_transaction_of_the_caller(alias: str) -> None:
    storage: Any = storages[alias]
    engine = Engine(storage=storage)
    with pytest.raises(LookupError), transaction.atomic(using=storage.using):
        engine.add_server("a", SERVER)
        engine.create_backup()
        raise LookupError
    assert storage.list() == []
    with transaction.atomic(using=storage.using):
        engine.add_server("a", SERVER)
        engine.add_server("b", SERVER)
    assert list(stored(engine)["servers"]) == ["a", "b"]


def test_update_settings_sets_and_removes_fields(everywhere: Engine) -> None:
    put(everywhere, GO)
    everywhere.update_settings(
        backup={"maxBackups": 3, "location": None}, autoSync={"enabled": True}, ours={"a": 1}
    )
    expected = json.loads(GO)
    expected["settings"]["backup"] = {"enabled": True, "maxBackups": 3}
    expected["settings"]["autoSync"]["enabled"] = True
    expected["settings"]["ours"] = {"a": 1}
    assert stored(everywhere) == expected
    for wrong in ({"maxBackups": "many"}, {"enabled": []}):
        with pytest.raises(InvalidValue, match=r"settings\.backup\."):
            everywhere.update_settings(backup=wrong)
    with pytest.raises(InvalidDocument, match=r"settings\.colour"):
        everywhere.update_settings(colour={"a": 1})
    assert stored(everywhere) == expected


def _examples() -> list[StorageError]:
    named = [
        cls("x")
        for cls in exceptions.NamedError.__subclasses__()
        if cls is not exceptions.DestinationUnavailable
    ]
    return [
        *named,
        exceptions.DocumentChanged(3),
        exceptions.DestinationUnavailable("x", "it is away"),
        exceptions.InvalidServer("x", ["a: b", "c: d"]),
        exceptions.InvalidDestination("x", "why"),
        exceptions.InvalidDocument("why", "servers.x"),
        exceptions.InvalidDocument("why"),
    ]


@pytest.mark.parametrize("error", _examples(), ids=lambda error: type(error).__name__)
def test_errors_survive_pickling_and_are_documented(error: StorageError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), vars(copy)) == (str(error), vars(error))
    assert isinstance(error, StorageError)
    assert type(error).__name__ in (exceptions.__doc__ or "")


def test_error_codes_are_unique() -> None:
    codes = [type(error).code for error in _examples()]
    assert len(set(codes)) == len(codes) - 1
    assert "storage_error" not in codes


def test_the_docs_explain_every_method_and_every_error() -> None:
    shown = (Path(__file__).parents[2] / "docs" / "engine.md").read_text("utf-8")
    for name in methods():
        if not name.startswith("_"):
            assert re.search(rf"\b{name}\b", shown), name
    for error in _examples():
        assert f"| `{type(error).__name__}` | `{type(error).code}` |" in shown


def test_at_changes_only_the_given_revision(everywhere: Engine) -> None:
    assert everywhere.at(0).add_server("a", SERVER).name == "a"
    revision = everywhere.storage.entry("config").revision
    everywhere.at(revision).add_server("b", SERVER)
    for stale in (0, revision, revision + 7):
        with pytest.raises(exceptions.DocumentChanged) as caught:
            everywhere.at(stale).remove_server("a")
        assert caught.value.current == everywhere.storage.entry("config").revision
    assert len(everywhere.list_servers()) == 2
