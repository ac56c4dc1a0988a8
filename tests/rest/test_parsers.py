"""Request bodies: files, chunked bodies and size limits."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application

from agent_master_storage import storages

from ..support.processes import Server
from .api import COMMITTED, ISOLATED, JSON, Api, refused
from .http_client import exchange
from .wsgi_server import ends_streams, wsgi_server

MIB = 1024 * 1024
#: bytes of JSON around a value, in addition to six for each byte of the value
OVERHEAD = 64 * 1024


@pytest.fixture
def small(api: Api, settings: Any) -> Api:
    """The storage with a limit of 100 bytes for a value."""
    configured = {alias: dict(value) for alias, value in settings.AGENT_MASTER_STORAGE.items()}
    for value in configured.values():
        value["OPTIONS"] = {**value.get("OPTIONS", {}), "max_value_size": 100}
    settings.AGENT_MASTER_STORAGE = configured
    return api


@ISOLATED
def test_value_of_exactly_the_limit(api: Api) -> None:
    for value in (b"\x00" * MIB, b"\xff" * MIB):
        assert api.put("big", value).status_code in (200, 201)
        assert api.get("big", raw="").content == value
    refused(api.put("big", b"x" * (MIB + 1)), 413, "too_large")
    assert api.storage.read("big") == value


@ISOLATED
def test_max_value_size_setting(small: Api) -> None:
    assert small.put("a", b"x" * 100).status_code == 201
    refused(small.put("a", b"x" * 101), 413, "too_large")
    assert small.put_json("a", {"value": "\x00" * 100}).status_code == 200
    refused(small.put_json("a", {"value": "x" * 101}), 413, "too_large")
    # The limit is in bytes, not in characters.
    refused(small.put_json("a", {"value": "é" * 51}), 413, "too_large")
    refused(small.put_json("a", {"value": "A" * 136, "encoding": "base64"}), 413, "too_large")
    assert small.storage.read("a") == b"\x00" * 100


@ISOLATED
def test_limit_applies_to_the_document_as_stored(small: Api) -> None:
    # It is stored with an indent of two.
    fits = {"value": [1] * 16, "encoding": "json"}
    assert small.put_json("a", fits).status_code == 201
    assert len(small.storage.read("a")) <= 100
    refused(small.put_json("a", {"value": [1] * 20, "encoding": "json"}), 413, "too_large")


@ISOLATED
def test_limit_of_a_json_body(small: Api) -> None:
    body = b'{"value": "x"}'
    limit = 6 * 100 + OVERHEAD
    assert small.put("a", body.ljust(limit), JSON).status_code == 201
    refused(small.put("a", body.ljust(limit + 1), JSON), 413, "too_large")


@ISOLATED
def test_limit_of_a_patch(small: Api) -> None:
    if small.alias == "plain":
        refused(small.patch("a", {}), 501, "not_supported")
        return
    small.put("a", b"{}")
    assert small.patch("a", {"b": "x" * 80}).status_code == 200
    refused(small.patch("a", {"c": "x" * 80}), 413, "too_large")
    refused(small.patch("a", {"c": "x" * (6 * 100 + OVERHEAD)}), 413, "too_large")
    assert small.storage.read_json("a") == {"b": "x" * 80}


@ISOLATED
def test_empty_body_is_an_empty_value(api: Api) -> None:
    assert api.client.generic("PUT", f"/storage/{api.alias}/entries/a").status_code == 201
    assert api.storage.read("a") == b""


@ISOLATED
def test_content_range_is_rejected(api: Api) -> None:
    # Treated as the whole value, it would destroy the rest.
    api.put("a", b"whole")
    headers = {"Content-Range": "bytes 2-3/5"}
    refused(api.put("a", b"XX", headers=headers), 400, "invalid_value")
    assert api.storage.read("a") == b"whole"


@ISOLATED
def test_compressed_body_is_rejected(api: Api) -> None:
    # It would be stored compressed and returned without its Content-Encoding.
    headers = {"Content-Encoding": "gzip"}
    refused(api.put("a", b"\x1f\x8b", headers=headers), 415, "unsupported_media_type")
    assert api.storage.list() == []
    assert api.put("a", b"x", headers={"Content-Encoding": "identity"}).status_code == 201


@ISOLATED
def test_json_must_be_utf8(api: Api) -> None:
    body = '{"value": "a"}'
    for charset in ("utf-16", "latin-1"):
        sent = api.put("a", body.encode(charset), f"{JSON}; charset={charset}")
        refused(sent, 415, "unsupported_media_type")
    assert api.put("a", body, f"{JSON}; charset=UTF-8").status_code == 201


def chunks() -> Iterator[bytes]:
    yield b'{"value": '
    yield b'"' + b"x" * 100_000
    yield b'"}'


@COMMITTED
@pytest.mark.parametrize("content_type", ["application/octet-stream", JSON])
def test_chunked_body_under_asgi(uvicorn: Server, admin_user: object, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    answer = exchange(uvicorn, "PUT", "/storage/default/entries/a", chunks(), headers)
    assert answer.status == 201
    whole = b"".join(chunks())
    stored = json.loads(whole)["value"].encode() if content_type == JSON else whole
    assert storages["default"].read("a") == stored


@COMMITTED
@pytest.mark.parametrize("content_type", ["application/octet-stream", JSON])
def test_chunked_body_under_wsgi_is_411(admin_user: object, content_type: str) -> None:
    # The server does not indicate the end: reading would return nothing or never return.
    storages["default"].write("a", b"kept")
    headers = {"Content-Type": content_type}
    with wsgi_server() as port:
        answer = exchange(port, "PUT", "/storage/default/entries/a", chunks(), headers)
        assert (answer.status, answer.json()["code"]) == (411, "length_required")
        assert storages["default"].read("a") == b"kept"
        answer = exchange(port, "PUT", "/storage/default/entries/a", b"with a length")
        assert answer.status == 200
    with wsgi_server(ends_streams(get_wsgi_application())) as port:
        answer = exchange(port, "PUT", "/storage/default/entries/a", chunks())
        assert answer.status == 200
    assert storages["default"].read("a") == b"".join(chunks())


@COMMITTED
@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_chunked_body_under_wsgi_that_decodes_it(admin_user: object, method: str) -> None:
    storages["default"].write("a", b"{}")
    what = "commit" if method == "POST" else "entries/a"
    media_type = JSON if method == "POST" else "application/merge-patch+json"
    with wsgi_server() as port:
        path, headers = f"/storage/default/{what}", {"Content-Type": media_type}
        answer = exchange(port, method, path, chunks(), headers)
    assert (answer.status, answer.json()["code"]) == (411, "length_required")


@COMMITTED
@pytest.mark.parametrize("piped", [False, True])
def test_curl_uploads_a_file(
    uvicorn: Server, admin_user: object, tmp_path: Path, piped: bool
) -> None:
    # ``curl -T`` sends a PUT without a type, and from a pipe a chunked one.
    file = tmp_path / "config.json"
    file.write_bytes(b'{"value": "not parsed",\r\n "encoding": "base64"}\n\x00\xff')
    path = "/storage/default/entries/config"
    upload(f"{uvicorn.url}{path}", file, piped)
    assert storages["default"].read("config") == file.read_bytes()
    # Overwrite the entry, with more than fits into a buffer.
    file.write_bytes(os.urandom(700_000))
    upload(f"{uvicorn.url}{path}", file, piped)
    assert storages["default"].read("config") == file.read_bytes()


def upload(url: str, file: Path, piped: bool) -> None:
    """Upload with curl if it is installed, otherwise send the same request."""
    curl = shutil.which("curl")
    if curl is None:
        port, _, path = url.partition("://127.0.0.1:")[2].partition("/")
        content = file.read_bytes()
        body: Any = iter([content[:1000], content[1000:]]) if piped else content
        assert exchange(int(port), "PUT", f"/{path}", body).status in (200, 201)
        return
    command = [curl, "-sS", "--fail-with-body", "-u", "admin:password"]
    command += ["-T", "-" if piped else str(file), url]
    with file.open("rb") as source:
        subprocess.run(command, stdin=source, check=True, capture_output=True, timeout=60)
