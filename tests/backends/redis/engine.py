"""A stand-in for a Go engine, ``python -m tests.backends.redis.engine URL PREFIX``.

It is driven by JSON lines. It does what the engine's storage adapter does and no more: GET, SET
without expiry, DEL, and KEYS with an unescaped pattern. It keeps its configuration as the engine
does, by reading, changing and writing the whole document.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

import redis

from .documents import encode


class Engine:
    def __init__(self, url: str, prefix: str) -> None:
        self._client = redis.Redis.from_url(url)
        self._prefix = prefix

    def read(self, key: str) -> str | None:
        value = self._client.get(f"{self._prefix}:{key}")
        return None if value is None else base64.b64encode(value).decode()

    def write(self, key: str, value: str) -> None:
        self._client.set(f"{self._prefix}:{key}", base64.b64decode(value))

    def delete(self, key: str) -> None:
        self._client.delete(f"{self._prefix}:{key}")

    def list(self, prefix: str) -> list[str]:
        found = self._client.keys(f"{self._prefix}:{prefix}*")
        return [name.decode().removeprefix(f"{self._prefix}:") for name in found]

    def add_server(self, name: str) -> None:
        """Load, change, save: two that do so at once lose one's server."""
        value = self._client.get(f"{self._prefix}:config")
        document = json.loads(value or b"{}")
        document.setdefault("servers", {})[name] = {"command": "uvx", "args": [name]}
        self._client.set(f"{self._prefix}:config", encode(document))

    def burst(self, key: str, count: int) -> None:
        for number in range(count):
            self._client.set(f"{self._prefix}:{key}", b"engine %d" % number)


def main(url: str, prefix: str) -> None:
    engine = Engine(url, prefix)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        result: Any = getattr(engine, name)(*arguments)
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
