"""The suite's settings, with the databases and storages that the benchmarks compare.

Each SQLite storage has a file of its own, and so has the bare table beside it: neither pays
for the other's checkpoints.
"""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403
from tests.settings import _DATABASE_STORAGE, DATABASES, FOLDER


def _sqlite(name: str, synchronous: str) -> dict[str, object]:
    # WAL for both: the adapter would choose it by itself, the bare table would not.
    commands = f"PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}"
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": FOLDER / f"{name}.sqlite3",
        "OPTIONS": {"init_command": commands, "timeout": 20},
    }


DATABASES = {
    "default": _sqlite("default", "FULL"),
    "bare_full": _sqlite("bare_full", "FULL"),
    "normal": _sqlite("normal", "NORMAL"),
    "bare_normal": _sqlite("bare_normal", "NORMAL"),
    "postgres": {**DATABASES["postgres"], "NAME": "postgres"},
    "prepared": {
        **DATABASES["postgres"],
        "NAME": "postgres",
        "OPTIONS": {"prepare_threshold": 5, "application_name": "adapter"},
    },
}

AGENT_MASTER_STORAGE: dict[str, dict[str, object]] = {
    alias: {"BACKEND": _DATABASE_STORAGE, "OPTIONS": {"using": alias}}
    for alias in ("default", "normal", "postgres")
}
AGENT_MASTER_STORAGE["postgresql"] = {
    "BACKEND": "agent_master_storage.backends.postgresql.PostgreSQLStorage",
    "OPTIONS": {"using": "prepared", "namespace": "postgresql"},
}

_REDIS_URL = os.environ.get("BENCHMARKS_REDIS_URL", "")
if _REDIS_URL:
    AGENT_MASTER_STORAGE["redis"] = {
        "BACKEND": "agent_master_storage.backends.redis.RedisStorage",
        "OPTIONS": {"url": _REDIS_URL, "prefix": "benchmarks"},
    }
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # The peer of the benchmark of Redis.
    "django-redis": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": _REDIS_URL},
}

ROOT_URLCONF = "benchmarks.asgi"


def layers(*, wake_ups: bool) -> dict[str, object]:
    """The peer's layer and, with ``wake_ups``, one that carries the storages' wake-ups."""
    hosts = [_REDIS_URL]
    found: dict[str, object] = {
        name: {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": hosts, "prefix": name},
        }
        for name in (("peer", "default") if wake_ups else ("peer",))
    }
    return found


CHANNEL_LAYERS = layers(wake_ups="BENCHMARKS_WAKE_UPS" in os.environ)
