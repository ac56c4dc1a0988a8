"""Redis and Valkey, sharing their data with the Go engine.

``storage``       RedisStorage, the place to start; ``async_storage`` has its native async methods
``schema``        the names in Redis, and what they hold
``steps``         the commands of each call and what their answers mean, as generators that the sync
                  and the async client both run: ``write``, ``transaction``, ``commit``, ``read``,
                  ``history``, ``comparing``, all based on ``asking`` and ``questions``
``scripts``       loads the Lua scripts in ``lua/``; each does its work in one round trip
``client``        connections, time limits and retries; ``async_client`` does the same in an event
                  loop, ``connection`` is one connection, ``retry`` and ``errors`` handle failures
``tracker``       notices foreign writes by client tracking (``signals``) and by ``reconcile``
``waiter``        waits for the log with XREAD BLOCK
"""

from __future__ import annotations

try:
    import hiredis  # noqa: F401
    import redis  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"RedisStorage requires the package {error.name!r}; install the extra with:"
        " pip install 'agent-master-storage[redis]'",
        name=error.name,
    ) from error

from .storage import RedisStorage

__all__ = ["RedisStorage"]
