"""Redis and Valkey, sharing their data with the Go engine.

``storage``   RedisStorage: start here; ``asynchronous`` its native async twins
``layout``    which names there are in Redis, and what stands under them
``steps``     what a call asks of the server, as generators that both worlds run: ``writing``,
              ``large`` and ``commit``, ``reading``, ``history``, ``comparing``, on the ground
              of ``asking``
``scripts``   the Lua scripts beside it: each does all of its work in one round trip
``server``    connections, time limits, what may be tried again; ``link`` one of them, ``errors``
              what to do about it
``tracker``   notices what others write, by client tracking and by comparing
``waiter``    waits for the log by XREAD BLOCK
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
