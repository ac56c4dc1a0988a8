"""System checks: errors for what cannot work, warnings for advice, silence for the rest."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import Error, Warning, run_checks
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from agent_master_storage.checks import check_settings

DATABASE = "agent_master_storage.backends.database.DatabaseStorage"
MEMORY = {"BACKEND": "agent_master_storage.backends.memory.MemoryStorage"}
ON_SQLITE = {"BACKEND": DATABASE}
ON_POSTGRESQL = {"BACKEND": DATABASE, "OPTIONS": {"using": "postgres"}}
NATIVE = {
    "BACKEND": "agent_master_storage.backends.postgresql.PostgreSQLStorage",
    "OPTIONS": {"using": "postgres"},
}
LAYERS = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer"}}


def found(**aliases: Any) -> list[str]:
    with override_settings(AGENT_MASTER_STORAGE=aliases):
        return [message.id.rpartition(".")[2] for message in check_settings(None)]


@pytest.fixture
def sqlite(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The description of the database, to be changed."""
    description = {**connections["default"].settings_dict}
    description["OPTIONS"] = {**description["OPTIONS"]}
    monkeypatch.setattr(connections["default"], "settings_dict", description)
    return description


def test_silence() -> None:
    with override_settings(CHANNEL_LAYERS=LAYERS):
        assert found(default=ON_SQLITE, memory=MEMORY, postgres=ON_POSTGRESQL) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"BACKEND": "no.such.Thing"},
        {**MEMORY, "OPTIONS": {"unknown": 1}},
        {"BACKEND": DATABASE, "OPTIONS": {"using": "missing"}},
        "text",
        None,
    ],
)
def test_a_wrong_alias_is_an_error_and_the_others_are_looked_at(wrong: Any) -> None:
    assert found(wrong=wrong, memory=MEMORY, also=wrong) == ["E001", "E001"]
    with override_settings(AGENT_MASTER_STORAGE={"wrong": wrong}):
        (message,) = check_settings(None)
    assert isinstance(message, Error)
    assert "AGENT_MASTER_STORAGE['wrong']" in message.msg


@pytest.mark.parametrize("alias", ["", "a/b", 5])
def test_an_alias_that_no_url_can_name_is_an_error(alias: Any) -> None:
    with override_settings(AGENT_MASTER_STORAGE={alias: MEMORY, "memory": MEMORY}):
        (message,) = check_settings(None)
    assert message.id == "agent_master_storage.E001"
    assert repr(alias) in message.msg


def test_a_wrong_setting_is_an_error() -> None:
    with override_settings(AGENT_MASTER_STORAGE="text"):
        assert [message.id for message in check_settings(None)] == ["agent_master_storage.E001"]


@pytest.mark.parametrize("rule", ["no.such.rule", "nodots", 5, "agent_master_storage.types"])
def test_a_rule_that_is_none_is_an_error(rule: Any) -> None:
    with override_settings(AGENT_MASTER_STORAGE_PERMISSION=rule):
        assert found(memory=MEMORY) == ["E002"]


def test_sqlite_without_immediate_transactions_is_a_warning(sqlite: Any) -> None:
    for mode in (None, "DEFERRED"):
        sqlite["OPTIONS"]["transaction_mode"] = mode
        assert found(default=ON_SQLITE) == ["W001"]
    for mode in ("IMMEDIATE", "exclusive"):
        sqlite["OPTIONS"]["transaction_mode"] = mode
        assert found(default=ON_SQLITE) == []


def test_sqlite_kept_from_wal_is_a_warning(sqlite: Any) -> None:
    sqlite["OPTIONS"]["init_command"] = "PRAGMA journal_mode = DELETE;"
    assert found(default=ON_SQLITE) == ["W002"]
    sqlite["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"
    assert found(default=ON_SQLITE) == []


def test_sqlite_in_memory_is_a_warning(sqlite: Any) -> None:
    sqlite["NAME"] = ":memory:"
    assert found(default=ON_SQLITE) == ["W003"]


def test_polling_between_processes_is_a_warning(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {}
    assert found(postgres=ON_POSTGRESQL) == ["W004"]
    settings.CHANNEL_LAYERS = LAYERS
    assert found(postgres=ON_POSTGRESQL) == []


def test_a_database_that_it_does_not_speak_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections["default"], "vendor", "mysql")
    assert found(default=ON_SQLITE) == ["E003"]


def test_advice_is_never_an_error(sqlite: Any, settings: Any) -> None:
    settings.CHANNEL_LAYERS = {}
    sqlite["NAME"] = ":memory:"
    sqlite["OPTIONS"] = {"init_command": "PRAGMA journal_mode=MEMORY"}
    with override_settings(AGENT_MASTER_STORAGE={"default": ON_SQLITE, "postgres": ON_POSTGRESQL}):
        messages = check_settings(None)
    assert {type(message) for message in messages} == {Warning}
    assert len(messages) == 4


def test_they_run_at_manage_py_check() -> None:
    with override_settings(AGENT_MASTER_STORAGE={"wrong": None}):
        ids = [message.id for message in run_checks()]
    assert "agent_master_storage.E001" in ids


@pytest.mark.django_db(databases=["default", "postgres"])
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "agent_master_storage", check=True, dry_run=True, verbosity=0)


def test_postgresql_storage_needs_no_layer_but_prepared_statements(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert found(postgres=NATIVE) == ["W005"]
    options = connections["postgres"].settings_dict["OPTIONS"]
    monkeypatch.setitem(options, "prepare_threshold", 5)
    assert found(postgres=NATIVE) == []


def test_postgresql_storage_on_another_database_is_an_error() -> None:
    assert found(default={**NATIVE, "OPTIONS": {}}) == ["E001"]
