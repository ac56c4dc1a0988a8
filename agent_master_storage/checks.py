"""System checks: an error only for what cannot work, advice is a warning.

``agent_master_storage.E001``  an alias of AGENT_MASTER_STORAGE is wrong
``agent_master_storage.E002``  AGENT_MASTER_STORAGE_PERMISSION names no rule
``agent_master_storage.E003``  a DatabaseStorage on a database that it does not speak
``agent_master_storage.W001``  SQLite without IMMEDIATE transactions
``agent_master_storage.W002``  SQLite kept from its WAL mode
``agent_master_storage.W003``  SQLite in memory
``agent_master_storage.W004``  wake-ups between processes by slow polling alone
``agent_master_storage.W005``  PostgreSQLStorage on connections that prepare no statements
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from . import permissions as access
from .backends.base import BaseStorage
from .backends.database.storage import DatabaseStorage
from .handler import make_storage, storages

_APP = "agent_master_storage"


@register()
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Look at the settings only; no database is asked."""
    return [*_check_permission(), *_check_storages()]


def _check_permission() -> Iterator[CheckMessage]:
    try:
        access.rule()
    except ImproperlyConfigured as error:
        yield Error(str(error), id=f"{_APP}.E002")


def _check_storages() -> Iterator[CheckMessage]:
    try:
        configured = dict(storages.settings)
    except ImproperlyConfigured as error:
        yield Error(str(error), id=f"{_APP}.E001")
        return
    for alias, description in configured.items():
        try:
            storage = make_storage(alias, description)
        except (ImproperlyConfigured, TypeError) as error:
            yield Error(str(error), id=f"{_APP}.E001")
        else:
            yield from _check_storage(storage)
            storage.close()


def _check_storage(storage: BaseStorage) -> Iterator[CheckMessage]:
    if not isinstance(storage, DatabaseStorage):
        return
    vendor = connections[storage.using].vendor
    if vendor == "sqlite":
        yield from _check_sqlite(storage)
    elif vendor == "postgresql":
        yield from _check_postgresql(storage)
    else:
        yield Error(
            f"{storage!r} is on {vendor}; DatabaseStorage speaks SQLite and PostgreSQL",
            id=f"{_APP}.E003",
        )


def _check_sqlite(storage: DatabaseStorage) -> Iterator[CheckMessage]:
    database = connections[storage.using].settings_dict
    options = database["OPTIONS"]
    if str(database["NAME"]) == ":memory:":
        yield Warning(
            f"{storage!r}: in an SQLite database in memory each thread has a store of its own",
            hint="Use a file, or MemoryStorage.",
            id=f"{_APP}.W003",
        )
    if str(options.get("transaction_mode", "")).upper() not in ("IMMEDIATE", "EXCLUSIVE"):
        yield Warning(
            f"{storage!r}: a write inside your atomic() may fail with 'database is locked'"
            " when other processes write, because the transaction begins deferred",
            hint=f'DATABASES[{storage.using!r}]["OPTIONS"]["transaction_mode"] = "IMMEDIATE"',
            id=f"{_APP}.W001",
        )
    command = str(options.get("init_command", "")).lower().replace(" ", "")
    if "journal_mode" in command and "journal_mode=wal" not in command:
        yield Warning(
            f"{storage!r}: without WAL, readers and the writer of SQLite block each other",
            hint="Let init_command set journal_mode = WAL, or leave it to the storage.",
            id=f"{_APP}.W002",
        )


def _check_postgresql(storage: DatabaseStorage) -> Iterator[CheckMessage]:
    if type(storage) is DatabaseStorage and not getattr(settings, "CHANNEL_LAYERS", None):
        yield Warning(
            f"{storage!r}: other processes hear of a change within a second, by polling",
            hint="Take PostgreSQLStorage, or configure CHANNEL_LAYERS with channels_redis, for"
            " wake-ups in milliseconds.",
            id=f"{_APP}.W004",
        )
    options = connections[storage.using].settings_dict["OPTIONS"]
    if storage.prepares_statements and options.get("prepare_threshold") is None:
        yield Warning(
            f"{storage!r}: PostgreSQL plans each statement anew, because Django prepares none",
            hint=f'DATABASES[{storage.using!r}]["OPTIONS"]["prepare_threshold"] = 5, unless a'
            " pooler stands between that can't keep prepared statements.",
            id=f"{_APP}.W005",
        )
