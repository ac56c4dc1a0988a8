"""``storages["alias"]``: one adapter object per alias and process."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.connection import ConnectionProxy
from django.utils.module_loading import import_string

from .backends.base import BaseStorage
from .exceptions import NotSupported

if TYPE_CHECKING:
    from .backends.database.storage import DatabaseStorage

SETTING = "AGENT_MASTER_STORAGE"
DEFAULT_ALIAS = "default"
DEFAULT_BACKEND = "agent_master_storage.backends.database.DatabaseStorage"


class UnknownStorage(ImproperlyConfigured, KeyError):
    """The setting has no such alias."""

    def __str__(self) -> str:
        return str(self.args[0])


class StorageHandler(Mapping[str, BaseStorage]):
    """A mapping from alias to adapter, which is made when it is first asked for."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._storages: dict[str, BaseStorage] = {}

    @property
    def settings(self) -> Mapping[str, Mapping[str, Any]]:
        """The setting, or one ``default`` DatabaseStorage without it."""
        configured = getattr(settings, SETTING, None)
        if configured is None:
            configured = {DEFAULT_ALIAS: {"BACKEND": DEFAULT_BACKEND}}
        if not isinstance(configured, Mapping):
            raise ImproperlyConfigured(f"{SETTING} must be a dict of aliases")
        return configured

    def __getitem__(self, alias: str) -> BaseStorage:
        try:
            return self._storages[alias]
        except KeyError:
            pass
        with self._lock:
            if alias not in self._storages:
                self._storages[alias] = self._make(alias)
            return self._storages[alias]

    def __iter__(self) -> Iterator[str]:
        return iter(self.settings)

    def __len__(self) -> int:
        return len(self.settings)

    def __contains__(self, alias: object) -> bool:
        return alias in self.settings

    def _make(self, alias: str) -> BaseStorage:
        try:
            configured = self.settings[alias]
        except KeyError:
            raise UnknownStorage(f"{SETTING} has no alias {alias!r}") from None
        return make_storage(alias, configured)

    def reset(self) -> None:
        """Close every adapter; they are made anew from the setting when asked for."""
        with self._lock:
            opened, self._storages = self._storages, {}
        for storage in opened.values():
            storage.close()


def make_storage(alias: str, configured: Mapping[str, Any]) -> BaseStorage:
    """Make the adapter that one alias of the setting describes, or say what is wrong with it."""
    where = f"{SETTING}[{alias!r}]"
    if not isinstance(alias, str) or not alias or "/" in alias:
        raise ImproperlyConfigured(f"{where}: an alias is a part of URLs: text without a slash")
    if not isinstance(configured, Mapping):
        raise ImproperlyConfigured(f"{where} must be a dict with BACKEND and OPTIONS")
    unknown = set(configured) - {"BACKEND", "OPTIONS"}
    if unknown:
        raise ImproperlyConfigured(f"{where} has unknown keys: {', '.join(sorted(unknown))}")
    options = configured.get("OPTIONS", {})
    if not isinstance(options, Mapping):
        raise ImproperlyConfigured(f"{where}: OPTIONS must be a dict")
    if "alias" in options:
        raise ImproperlyConfigured(f"{where}: unknown option 'alias'")
    return _backend(where, configured)(alias=alias, **options)


def _backend(where: str, configured: Mapping[str, Any]) -> type[BaseStorage]:
    try:
        backend = import_string(configured["BACKEND"])
    except KeyError:
        raise ImproperlyConfigured(f"{where} names no BACKEND") from None
    except (ImportError, AttributeError) as error:
        raise ImproperlyConfigured(f"{where}: BACKEND can't be imported: {error}") from error
    if not (isinstance(backend, type) and issubclass(backend, BaseStorage)):
        raise ImproperlyConfigured(f"{where}: {configured['BACKEND']} is no BaseStorage")
    return backend


storages = StorageHandler()

#: storages["default"], looked up anew at each use
storage = cast("BaseStorage", ConnectionProxy(storages, DEFAULT_ALIAS))  # type: ignore[arg-type]


def storage_of(namespace: str, using: str | None) -> DatabaseStorage:
    """The alias whose rows an ``Entry`` belongs to; "" and None: the first of the setting."""
    for candidate in storages.values():
        if not hasattr(candidate, "namespace") or not hasattr(candidate, "using"):
            continue
        if namespace in ("", candidate.namespace) and using in (None, candidate.using):
            return cast("DatabaseStorage", candidate)
    raise NotSupported(
        f"{SETTING} has no alias with the namespace {namespace!r} in the database {using!r}"
    )


def _on_setting_changed(*, setting: str, **kwargs: object) -> None:
    if setting in (SETTING, "CHANNEL_LAYERS"):
        storages.reset()


setting_changed.connect(_on_setting_changed)
atexit.register(storages.reset)
