"""A client of the engine's REST API, for tests."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

from django.test import Client

from agent_master_storage import storages
from agent_master_storage.backends.base import BaseStorage
from agent_master_storage.engine import Engine

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"

TOKEN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
FILES = {"transport": "stdio", "command": "npx", "args": ["-y", "files"]}


class Api:
    """The engine of one storage, and a client that is logged in."""

    def __init__(self, client: Client, alias: str = "memory") -> None:
        self.client = client
        self.alias = alias

    @property
    def storage(self) -> BaseStorage:
        return storages[self.alias]

    @property
    def engine(self) -> Engine:
        return Engine(storage=self.storage)

    def send(
        self,
        method: str,
        *path: str,
        body: Any = None,
        type: str = JSON,
        headers: dict[str, str] | None = None,
        **query: Any,
    ) -> Any:
        """Each part of the path is quoted whole; a body is JSON unless it is text or bytes."""
        url = "/engine/" + "/".join([self.alias, *(quote(part, safe="") for part in path)])
        if query:
            url += "?" + urlencode(query, doseq=True)
        if body is not None and not isinstance(body, str | bytes):
            body = json.dumps(body)
        typed = {} if body is None else {"Content-Type": type}
        return self.client.generic(method, url, body or b"", headers=typed | (headers or {}))

    def get(self, *path: str, **options: Any) -> Any:
        return self.send("GET", *path, **options)

    def post(self, *path: str, **options: Any) -> Any:
        return self.send("POST", *path, **options)

    def put(self, *path: str, **options: Any) -> Any:
        return self.send("PUT", *path, **options)

    def patch(self, *path: str, **options: Any) -> Any:
        return self.send("PATCH", *path, type=MERGE_PATCH, **options)

    def delete(self, *path: str, **options: Any) -> Any:
        return self.send("DELETE", *path, **options)


def error(answer: Any) -> tuple[int, str]:
    """Return status and code of an error response, which must be JSON with a ``detail``."""
    body = answer.json()
    assert answer["Content-Type"] == JSON
    assert body["detail"]
    return answer.status_code, body["code"]
