"""Server-sent events: content, start and resumption."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from agent_master_storage.backends.memory import MemoryStorage
from agent_master_storage.exceptions import StorageUnavailable
from agent_master_storage.rest import follower, sse
from agent_master_storage.types import Delete, Write

from .api import COMMITTED, COMMITTING, refused
from .sse_client import Stream

pytestmark = COMMITTED


@pytest.fixture(params=COMMITTING)
def stream(request: pytest.FixtureRequest, agent: AsyncClient) -> Stream:
    return Stream(agent, request.param)


@pytest.fixture
def in_memory(agent: AsyncClient) -> Stream:
    return Stream(agent, "memory")


async def test_headers_of_a_stream(in_memory: Stream) -> None:
    answer = await in_memory.request()
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers["Cache-Control"] == "no-cache, no-transform"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Accept" in answer.headers["Vary"]


async def test_stream_begins_with_the_current_revision(stream: Stream) -> None:
    await stream.write("a")
    opened = await stream.open()
    epoch = await stream.storage.aepoch()
    assert await opened.next() == {"retry": "1000", "id": f"1:{epoch}"}
    await stream.write("b")
    found = await opened.change()
    # It starts with the next change, not with the oldest in the log.
    assert [change["key"] for change in found["changes"]] == ["b"]
    await opened.close()


async def test_one_event_per_revision(stream: Stream) -> None:
    await stream.write("a", b"\xff")
    await stream.storage.acommit([Write("b", b"{}"), Write("c", b""), Delete("a")])
    opened = await stream.open(since=0)
    first, second = await opened.change(), await opened.change()
    assert first["changes"][0]["value"] == "/w=="
    assert [change["key"] for change in second["changes"]] == ["b", "c", "a"]
    assert second["changes"][2]["type"] == "delete"
    for number in range(3, 8):
        await stream.write(f"d{number}")
        assert (await opened.change())["revision"] == number
    await opened.close()


async def test_event_contains_the_representation_of_a_change(stream: Stream) -> None:
    await stream.write("a", b'{"b": 1}')
    opened = await stream.open(since=0, encoding="json")
    page = await stream.client.get(stream.path, {"encoding": "json"})
    assert (await opened.change())["changes"] == page.json()["results"]
    await opened.close()


async def test_line_breaks_do_not_break_the_stream(in_memory: Stream) -> None:
    text = 'line\r\n\r\ndata: x\n\nid: 9\u2028\u2029\x00\x85"'
    await in_memory.write("a", text.encode())
    await in_memory.write("b", rb'"\ud800"')
    opened = await in_memory.open(since=0, encoding="json")
    assert (await opened.change())["changes"][0]["value"] == text
    assert (await opened.change())["changes"][0]["value"] == "\ud800"
    await opened.close()


async def test_key_and_prefix(stream: Stream) -> None:
    by_key = await stream.open(since=0, key="a:1")
    by_prefix = await stream.open(since=0, prefix="a:")
    for key in ("b", "a:", "a:1", "a", "a:12"):
        await stream.write(key)
    await stream.storage.acommit([Write("a:1", b""), Write("a:3", b""), Write("c", b"")])
    assert [(await by_key.change())["revision"] for _ in range(2)] == [3, 6]
    found = [await by_prefix.change() for _ in range(4)]
    assert [event["revision"] for event in found] == [2, 3, 5, 6]
    assert [change["key"] for change in found[3]["changes"]] == ["a:1", "a:3"]
    await by_key.close()
    await by_prefix.close()


async def test_resume_by_last_event_id(stream: Stream) -> None:
    for number in range(5):
        await stream.write(f"k{number}")
    opened = await stream.open(since=0)
    event = {}
    while event.get("id", "").partition(":")[0] != "2":
        event = await opened.next()
    await opened.close()
    # It takes precedence over ?since=, which the URL still has.
    resumed = await stream.open(resume=event["id"], since=0)
    assert [(await resumed.change())["revision"] for _ in range(3)] == [3, 4, 5]
    await resumed.close()


async def test_resume_from_an_unavailable_revision_is_410(stream: Stream) -> None:
    for _ in range(4):
        await stream.write("a")
    epoch = await stream.storage.aepoch()
    await stream.storage.acompact(2)
    body = refused(await stream.request(resume=f"1:{epoch}"), 410, "revision_compacted")
    assert body["oldest"] == 3
    body = refused(await stream.request(resume=f"9:{epoch}"), 410, "revision_ahead")
    assert body["current"] == 4
    refused(await stream.request(resume="4:other"), 410, "revision_compacted")
    refused(await stream.request(since=1), 410, "revision_compacted")
    refused(await stream.request(since=4, epoch="other"), 410, "revision_compacted")
    assert not stream.storage.tail._subscriptions


@pytest.mark.parametrize(
    "wrong",
    ["1", ":", "1:", ":x", "x:y", "-1:x", "1:x:y", "1:a b", "9" * 19 + ":x", "9" * 20 + ":x"],
)
async def test_malformed_last_event_id_is_rejected(in_memory: Stream, wrong: str) -> None:
    refused(await in_memory.request(resume=wrong), 400, "invalid_value")
    # Only event streams use it.
    answer = await in_memory.client.get(in_memory.path, headers={"Last-Event-ID": wrong})
    assert answer.status_code == 200


async def test_empty_last_event_id_is_ignored(in_memory: Stream) -> None:
    await in_memory.write("a")
    opened = await in_memory.open(resume="", since=0)
    assert (await opened.change())["revision"] == 1
    await opened.close()


async def test_bookmarks(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    # They keep the connection open, and a client that resumes skips changes that do not match.
    monkeypatch.setattr(sse, "HEARTBEAT_INTERVAL", 0.05)
    opened = await stream.open(key="a")
    epoch = await stream.storage.aepoch()
    for _ in range(3):
        await stream.write("b")
    seen = set()
    while f"3:{epoch}" not in seen:
        event = await opened.next()
        assert set(event) <= {"id", "retry"}
        seen.add(event["id"])
    await stream.write("a")
    assert (await opened.change())["revision"] == 4
    assert (await opened.next())["id"] == f"4:{epoch}"
    await opened.close()


async def test_new_epoch_ends_the_stream(stream: Stream) -> None:
    await stream.write("a")
    opened = await stream.open()
    await opened.next()
    await sync_to_async(stream.storage.new_epoch)()
    last = await opened.end()
    assert last["event"] == "error"
    assert (last["data"]["code"], last["data"]["oldest"]) == ("revision_compacted", 1)
    await stream.subscribed(0)


async def test_slow_reader_gets_revision_compacted(in_memory: Stream) -> None:
    await in_memory.write("a")
    opened = await in_memory.open(since=0)
    assert "retry" in await opened.next()
    for _ in range(2):
        await in_memory.write("a")
    in_memory.storage.compact(2)
    last = await opened.end()
    assert (last["data"]["code"], last["data"]["oldest"]) == ("revision_compacted", 3)
    await in_memory.subscribed(0)


async def test_stream_continues_after_an_outage_of_the_store(
    in_memory: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "RETRY_INTERVAL", 0.01)
    await in_memory.write("a")
    reading = MemoryStorage.read_log
    failures = iter(range(5))

    def read_log(self: MemoryStorage, *args: object, **kwargs: object) -> object:
        if next(failures, None) is not None:
            raise StorageUnavailable("away")
        return reading(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(MemoryStorage, "read_log", read_log)
    opened = await in_memory.open(since=0)
    assert (await opened.change())["revision"] == 1
    await opened.close()


async def test_head_holds_no_subscription(stream: Stream) -> None:
    answer = await stream.client.head(stream.path, headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert not stream.storage.tail._subscriptions
