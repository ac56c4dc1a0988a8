"""Invalid frames get an error frame, and the socket stays open."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent_master_storage.consumers import protocol

from .client import Socket

DEEP = 10_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "watch",
        "{",
        '{"op": "watch"',
        "{'op': 'watch'}",
        "null",
        "[]",
        "1",
        '"watch"',
        "\ufeff{}",
        "\x00",
        '{"op": NaN}',
        '{"op": -Infinity}',
        '{"op": "watch"} {}',
        '{"op": "watch", "id": "a", "since": ' + "9" * 5000 + "}",
        "[" * DEEP,
        '{"op":' * DEEP,
        "[" * DEEP + "]" * DEEP,
        '"' + "\ud800" + '"',
    ],
    ids=lambda text: ascii(text[:24]),
)
async def test_frame_must_be_a_json_object(text: str) -> None:
    async with Socket() as socket:
        await socket.send_text(text)
        await socket.error("invalid_frame")
        assert await socket.works()


@pytest.mark.parametrize("data", [b"", b"\xff", b'{"op": "ping"}'])
async def test_binary_frame(data: bytes) -> None:
    async with Socket() as socket:
        await socket.communicator.send_input({"type": "websocket.receive", "bytes": data})
        await socket.error("invalid_frame")
        assert await socket.works()


@pytest.mark.parametrize(
    "op", ["", "Watch", "read", "write", None, 1, True, [], {}, "\ud800", "x" * 5000, 10**4000]
)
async def test_unknown_op(op: Any) -> None:
    async with Socket() as socket:
        await socket.send(op=op, id="a", key="k")
        error = await socket.error("unknown_op", "a")
        assert len(error["detail"]) <= protocol.MAX_DETAIL_LENGTH
        await socket.send()
        await socket.error("unknown_op")
        assert await socket.works()


@pytest.mark.parametrize("id", ["", "i" * 129, None, 1, 1.5, True, [], {}, "\ud800", "a\udfff"])
async def test_invalid_id(id: Any) -> None:
    echoed = id if isinstance(id, str) else None
    async with Socket() as socket:
        for op in ("watch", "unwatch"):
            await socket.send(op=op, id=id, **({"key": "k"} if op == "watch" else {}))
            await socket.error("invalid_frame", echoed)
        await socket.send(op="watch", key="k")
        await socket.error("invalid_frame")
        assert await socket.works()


@pytest.mark.parametrize(
    "key", ["", "k" * 513, "a\x00", "a\nb", "\x7f", "\x85", "\ud800", None, 1, [], {}]
)
async def test_invalid_key(key: Any) -> None:
    async with Socket() as socket:
        await socket.send(op="watch", id="a", key=key)
        await socket.error("invalid_key", "a")
        if key != "":
            await socket.send(op="watch", id="a", prefix=key)
            await socket.error("invalid_key", "a")
        await socket.watch("a")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"key": "k", "prefix": "k"},
        {"key": None, "prefix": ""},
        {"key": "k", "sinse": 1},
        {"key": "k", "Since": 1},
        {"key": "k", "value": "v"},
        {"key": "k", "\ud800": 1},
        {"key": "k", "since": -1},
        {"key": "k", "since": 2**63},
        {"key": "k", "since": 10**4000},
        {"key": "k", "since": 1.0},
        {"key": "k", "since": 1e300},
        {"key": "k", "since": "1"},
        {"key": "k", "since": True},
        {"key": "k", "since": [1]},
        {"key": "k", "since": 0, "snapshot": True},
        {"key": "k", "snapshot": 1},
        {"key": "k", "snapshot": "true"},
        {"key": "k", "snapshot": None},
        {"key": "k", "epoch": 1},
        {"key": "k", "epoch": []},
        {"key": "k", "progress": 0},
        {"key": "k", "progress": -1},
        {"key": "k", "progress": 0.01},
        {"key": "k", "progress": 3601},
        {"key": "k", "progress": 10**4000},
        {"key": "k", "progress": True},
        {"key": "k", "progress": "1"},
    ],
    ids=lambda fields: ascii(fields)[:50],
)
async def test_invalid_fields(fields: dict[str, Any]) -> None:
    async with Socket() as socket:
        await socket.send(op="watch", id="a", **fields)
        error = await socket.error("invalid_frame", "a")
        assert len(error["detail"]) <= protocol.MAX_DETAIL_LENGTH
        # The failed watch does not occupy the id.
        await socket.watch("a")


async def test_number_beyond_all_floats() -> None:
    async with Socket() as socket:
        await socket.send_text('{"op": "watch", "id": "a", "key": "k", "progress": 1e999}')
        await socket.error("invalid_frame")
        assert await socket.works()


@pytest.mark.parametrize("op", ["unwatch", "ping"])
async def test_unknown_field_in_other_ops(op: str) -> None:
    async with Socket() as socket:
        await socket.watch("a")
        await socket.send(op=op, id="a", key="k")
        await socket.error("invalid_frame", "a")
        assert await socket.ask(op="unwatch", id="a") == {"type": "unwatched", "id": "a"}


async def test_epoch_that_cannot_be_encoded(memory: Any) -> None:
    async with Socket() as socket:
        await socket.send(op="watch", id="a", key="k", epoch="\ud800")
        await socket.error("revision_compacted", "a")
        await socket.send(op="watch", id="a", key="k", epoch="e" * 60_000)
        error = await socket.error("revision_compacted", "a")
        assert len(error["detail"]) <= protocol.MAX_DETAIL_LENGTH


async def test_unwatch_of_an_unknown_id() -> None:
    async with Socket() as socket:
        await socket.send(op="unwatch", id="a")
        await socket.error("unknown_id", "a")
        await socket.watch("a")
        await socket.ask(op="unwatch", id="a")
        await socket.send(op="unwatch", id="a")
        await socket.error("unknown_id", "a")


async def test_id_in_use(memory: Any) -> None:
    async with Socket() as socket:
        await socket.watch("a", key="k")
        await socket.send(op="watch", id="a", key="other")
        await socket.error("id_in_use", "a")
        # The first watch continues.
        await memory.awrite("other", b"")
        await memory.awrite("k", b"")
        assert [change["key"] for change in await socket.changes()] == ["k"]


async def test_storage_without_a_change_log() -> None:
    async with Socket("plain") as socket:
        for fields in ({"key": "k"}, {"prefix": "", "snapshot": True}, {"key": "k", "since": 1}):
            await socket.send(op="watch", id="a", **fields)
            error = await socket.error("not_supported", "a")
            assert "plain" in error["detail"]
        assert await socket.works()


async def test_internal_error_in_a_frame_keeps_the_socket_open(
    memory: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**kwargs: Any) -> Any:
        raise ZeroDivisionError("a secret of the server")

    async with Socket() as socket:
        with monkeypatch.context() as patch:
            patch.setattr(memory, "subscribe", fail)
            await socket.send(op="watch", id="a", key="k")
            error = await socket.error("error", "a")
        assert "secret" not in json.dumps(error)
        assert "a secret of the server" in caplog.text
        await socket.watch("a")
