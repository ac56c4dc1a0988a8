"""GET changes?wait=: the response is delayed until there are changes."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from agent_master_storage import storages
from agent_master_storage.rest import params
from agent_master_storage.types import Write

from .api import COMMITTED, COMMITTING, refused

pytestmark = COMMITTED

#: seconds; much longer than anything here takes, and never waited for in full
LONG = 50


class Poll:
    """A client that polls the log of one storage."""

    def __init__(self, client: AsyncClient, alias: str) -> None:
        self.client = client
        self.path = f"/storage/{alias}/changes"
        storage = storages[alias]
        self.storage = storage

    async def send(self, **query: Any) -> Any:
        return await self.client.get(self.path, query)

    async def get(self, **query: Any) -> tuple[list[int], float]:
        """Return the revisions and the duration in seconds."""
        begin = time.monotonic()
        body = json.loads((await self.send(**query)).content)
        return [change["revision"] for change in body["results"]], time.monotonic() - begin

    async def held(self, count: int = 1) -> None:
        """Wait until this number of requests are waiting."""
        async with asyncio.timeout(LONG):
            while len(self.storage.tail._subscriptions) != count:
                await asyncio.sleep(0.01)

    async def write(self, key: str) -> None:
        await self.storage.awrite(key, b"x")


@pytest.fixture(params=COMMITTING)
def poll(request: pytest.FixtureRequest, agent: AsyncClient) -> Poll:
    return Poll(agent, request.param)


async def test_existing_changes_are_returned_immediately(poll: Poll) -> None:
    await poll.write("a")
    await poll.write("b")
    assert (await poll.get(wait=LONG))[0] == [1, 2]
    revisions, seconds = await poll.get(wait=LONG, since=1)
    assert (revisions, seconds < LONG / 2) == ([2], True)
    assert not poll.storage.tail._subscriptions


async def test_poll_waits_for_matching_changes(poll: Poll) -> None:
    waiting = asyncio.create_task(poll.get(wait=LONG, since=0, prefix="a"))
    await poll.held()
    await poll.write("b")
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await poll.write("a")
    revisions, seconds = await waiting
    assert (revisions, seconds < LONG / 2) == ([2], True)
    assert not poll.storage.tail._subscriptions


async def test_poll_returns_a_whole_revision(poll: Poll) -> None:
    waiting = asyncio.create_task(poll.get(wait=LONG, since=0, limit=1))
    await poll.held()
    await poll.storage.acommit([Write("a", b""), Write("b", b"")])
    assert (await waiting)[0] == [1, 1]


async def test_poll_without_changes_times_out(poll: Poll) -> None:
    await poll.write("a")
    revisions, seconds = await poll.get(wait="0.2", since=1)
    assert revisions == []
    assert 0.2 <= seconds < LONG / 2
    assert not poll.storage.tail._subscriptions


async def test_repeated_polls_miss_nothing(poll: Poll) -> None:
    # A loop of long polls, as agents run it, against an independent writer.

    async def follow() -> list[int]:
        found: list[int] = []
        since = 0
        while len(found) < 40:
            answer = json.loads((await poll.send(wait=LONG, since=since, limit=7)).content)
            found += [change["revision"] for change in answer["results"]]
            since = answer["revision"]
        return found

    following = asyncio.create_task(follow())
    for _ in range(40):
        await poll.write("a")
    assert await asyncio.wait_for(following, LONG) == list(range(1, 41))


async def test_many_concurrent_polls(poll: Poll) -> None:
    waiting = [asyncio.create_task(poll.get(wait=LONG, since=0)) for _ in range(30)]
    await poll.held(30)
    await poll.write("a")
    assert {tuple(revisions) for revisions, _ in await asyncio.gather(*waiting)} == {(1,)}
    assert not poll.storage.tail._subscriptions


async def test_long_wait_is_clamped(agent: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert params.MAX_WAIT == 60
    monkeypatch.setattr(params, "MAX_WAIT", 0.2)
    for wait in ("61", "999999999"):
        revisions, seconds = await Poll(agent, "memory").get(wait=wait, since=0)
        assert revisions == []
        assert 0.2 <= seconds < LONG / 2


async def test_new_epoch_ends_the_wait(poll: Poll) -> None:
    await poll.write("a")
    waiting = asyncio.create_task(poll.send(wait=LONG, since=1))
    await poll.held()
    await sync_to_async(poll.storage.new_epoch)()
    refused(await waiting, 410, "revision_compacted")
    assert not poll.storage.tail._subscriptions


async def test_disconnected_client_leaves_no_subscription(poll: Poll) -> None:
    waiting = asyncio.create_task(poll.send(wait=LONG, since=0))
    await poll.held()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await poll.held(0)


async def test_errors_are_returned_immediately(poll: Poll) -> None:
    refused(await poll.send(wait=LONG, since=9), 410, "revision_ahead")
    refused(await poll.send(wait=LONG, epoch="other"), 410, "revision_compacted")
    refused(await poll.send(wait=LONG, key="a", prefix="b"), 400, "invalid_value")
    anonymous = Poll(AsyncClient(), poll.storage.alias)
    refused(await anonymous.send(wait=LONG), 401, "not_authenticated")
