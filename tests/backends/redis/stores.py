"""Stores of a test: an own prefix on the suite's server, emptied before use."""

from __future__ import annotations

from functools import cache
from typing import Any

import redis

from agent_master_storage.backends.redis import RedisStorage

from ...support.servers import redis_address


def client(url: str | None = None) -> redis.Redis:
    """Plain redis-py: what a Go engine's adapter does, GET, SET, DEL, KEYS, goes by it."""
    return redis.Redis.from_url(url or redis_address())


def empty(prefix: str, url: str | None = None) -> None:
    """Remove all that a storage, and an engine, has under ``prefix``, at once as FLUSHALL does."""
    with client(url) as server:
        begin = (f"{prefix}:".encode(), f"{prefix}/".encode())
        names = [name for name in server.scan_iter(count=1000) if name.startswith(begin)]
        if names:
            server.delete(*names)


@cache
def _suite() -> redis.Redis:
    return client()


def empty_if_used(prefix: str) -> None:
    """The same on the suite's server, cheap where no storage was used."""
    if _suite().exists(f"{prefix}/entries"):
        empty(prefix)


def spoil(storage: RedisStorage, key: str) -> None:
    """Put under the key's name what no storage can read: a list."""
    with client(storage.url) as server:
        server.delete(f"{storage.prefix}:{key}")
        server.rpush(f"{storage.prefix}:{key}", "a", "b")


def make_storage(prefix: str, url: str | None = None, **options: Any) -> RedisStorage:
    return RedisStorage(alias="test", url=url or redis_address(), prefix=prefix, **options)
