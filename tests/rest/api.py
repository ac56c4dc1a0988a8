"""A client of the REST API of one storage, for the tests."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.test import Client

from agent_master_storage import storages
from agent_master_storage.backends.base import BaseStorage

DATABASES = ["default", "postgres"]
#: tests run in transactions that are rolled back, invisible to other connections
ISOLATED = pytest.mark.django_db(databases=DATABASES)
#: for tests that must commit: the log, threads, other processes
COMMITTED = pytest.mark.django_db(transaction=True)
_ON_BOTH = pytest.mark.django_db(transaction=True, databases=DATABASES)

LOGGED = ("default", "postgres", "redis", "memory")
ALIASES = (*LOGGED, "plain")
#: the same for tests that commit. Emptying a database is slow, so only those that used it do.
COMMITTING = (
    pytest.param("default", marks=COMMITTED),
    pytest.param("postgres", marks=_ON_BOTH),
    pytest.param("redis", marks=COMMITTED),
    pytest.param("memory", marks=COMMITTED),
)

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
OCTETS = "application/octet-stream"

#: the result of ``client.generic()``: an HttpResponse with the test client's attributes
Answer = Any


class Api:
    """A storage and a client that is logged in."""

    def __init__(self, client: Client, alias: str) -> None:
        self.client = client
        self.alias = alias

    @property
    def storage(self) -> BaseStorage:
        return storages[self.alias]

    def send(
        self,
        method: str,
        key: str | None = None,
        body: bytes | str = b"",
        content_type: str = OCTETS,
        /,
        headers: dict[str, str] | None = None,
        what: str = "entries",
        **query: Any,
    ) -> Answer:
        """Send a request. A positional ``key`` is put in the path, a keyword in the query."""
        path = f"/storage/{self.alias}/{what}"
        if key is not None:
            # Everything is quoted; a client that does not quote "/" sends the same key.
            path += "/" + quote(key, safe="")
        if query:
            path += "?" + urlencode(query)
        # The test client does not set a Content-Type for an empty body.
        typed = {"Content-Type": content_type} if method in ("PUT", "PATCH", "POST") else {}
        return self.client.generic(method, path, body, headers=typed | (headers or {}))

    def get(self, key: str | None = None, /, **options: Any) -> Answer:
        return self.send("GET", key, **options)

    def put(
        self,
        key: str | None,
        body: bytes | str = b"x",
        content_type: str = OCTETS,
        /,
        **options: Any,
    ) -> Answer:
        return self.send("PUT", key, body, content_type, **options)

    def put_json(self, key: str | None, document: Any, /, **options: Any) -> Answer:
        return self.put(key, json.dumps(document), JSON, **options)

    def patch(self, key: str | None, patch: Any, /, **options: Any) -> Answer:
        return self.send("PATCH", key, json.dumps(patch), MERGE_PATCH, **options)

    def delete(self, key: str | None, /, **options: Any) -> Answer:
        return self.send("DELETE", key, **options)

    def commit(self, *operations: Any, **options: Any) -> Answer:
        body = json.dumps({"operations": operations})
        return self.send("POST", None, body, JSON, what="commit", **options)

    def changes(self, **query: Any) -> Answer:
        return self.send("GET", what="changes", **query)


def tag(revision: int) -> str:
    """Return the ETag of an entry."""
    return f'"{revision}"'


def refused(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """Check that the response is the JSON of this error and return its body."""
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == JSON
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    body: dict[str, Any] = json.loads(answer.content)
    assert body["code"] == code
    assert isinstance(body["detail"], str) and body["detail"]
    assert "Traceback" not in body["detail"]
    assert set(body) <= {"detail", "code", "oldest", "current", "index"}
    return body
