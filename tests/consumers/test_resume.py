"""``since`` and ``epoch``: resume, or an error if that is not possible."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.management import call_command

from agent_master_storage import Write
from agent_master_storage.backends.memory import MemoryStorage
from agent_master_storage.backends.redis import RedisStorage

from ..backends.redis import stores
from .client import Socket, revisions


async def write(storage: Any, count: int) -> None:
    for number in range(count):
        await storage.awrite(f"k{number % 3}", b"%d" % number)


async def empty(storage: Any) -> None:
    if isinstance(storage, MemoryStorage):
        storage.clear()
    elif isinstance(storage, RedisStorage):
        stores.empty(storage.prefix)
    else:
        flush = sync_to_async(call_command)
        await flush("flush", database=storage.using, interactive=False, verbosity=0)
        # The user was deleted with everything else.
        await sync_to_async(get_user_model().objects.get_or_create)(
            username="admin", defaults={"is_superuser": True, "password": make_password("password")}
        )


@pytest.mark.parametrize("since", [0, 4, 9, 10])
async def test_resume_sends_everything_after_the_revision(storage: Any, since: int) -> None:
    await write(storage, 10)
    async with Socket(storage.alias) as socket:
        answer = await socket.watch(since=since, epoch=await storage.aepoch())
        assert answer["revision"] == since
        if since < 10:
            assert revisions(await socket.changes_until(10)) == list(range(since + 1, 11))
        await storage.awrite("k", b"")
        assert revisions(await socket.changes()) == [11]


async def test_resume_sends_matching_changes_only(storage: Any) -> None:
    await write(storage, 10)
    async with Socket(storage.alias) as socket:
        await socket.watch("a", key="k1", since=2)
        assert revisions(await socket.changes("a")) == [5, 8]
        await socket.watch("b", prefix="k", since=9)
        assert revisions(await socket.changes("b")) == [10]


async def test_null_since_starts_with_the_next_change(memory: Any) -> None:
    await write(memory, 3)
    async with Socket() as socket:
        answer = await socket.watch(since=None, epoch=None)
        assert answer["revision"] == 3
        await socket.nothing()


async def test_resume_over_several_pages_of_the_log(storage: Any) -> None:
    for _ in range(25):
        await storage.acommit([Write(f"k{number}", b"") for number in range(90)])
    async with Socket(storage.alias) as socket:
        await socket.watch(since=0)
        found = revisions(await socket.changes_until(25))
        assert found == [revision for revision in range(1, 26) for _ in range(90)]


async def test_resume_from_a_compacted_revision(storage: Any) -> None:
    await write(storage, 10)
    await storage.acompact(4)
    async with Socket(storage.alias) as socket:
        for since in (0, 3):
            await socket.send(op="watch", id="a", key="k1", since=since)
            error = await socket.error("revision_compacted", "a")
            assert error["oldest"] == 5
            assert "current" not in error
        await socket.watch(since=4)
        assert revisions(await socket.changes_until(10)) == list(range(5, 11))


async def test_resume_from_a_future_revision(storage: Any) -> None:
    await write(storage, 3)
    async with Socket(storage.alias) as socket:
        for since in (4, 2**63 - 1):
            await socket.send(op="watch", id="a", key="k1", since=since)
            error = await socket.error("revision_ahead", "a")
            assert (error["current"], error["oldest"]) == (3, 1)
        await socket.watch(since=3)


@pytest.mark.parametrize("more", [{}, {"since": 1}, {"snapshot": True}], ids=str)
async def test_resume_in_another_epoch(storage: Any, more: dict[str, Any]) -> None:
    await write(storage, 2)
    known = await storage.aepoch()
    await empty(storage)
    await write(storage, 2)
    async with Socket(storage.alias) as socket:
        await socket.send(op="watch", id="a", prefix="", epoch=known, **more)
        error = await socket.error("revision_compacted", "a")
        assert error["oldest"] == 1
        await socket.watch(epoch=await storage.aepoch(), **more)


async def test_store_is_emptied_during_a_watch(storage: Any) -> None:
    await write(storage, 2)
    async with Socket(storage.alias) as socket:
        old = await socket.watch("a")
        await socket.watch("b", key="k1")
        await storage.awrite("k1", b"")
        frames = [await socket.receive() for _ in range(2)]
        assert {frame["id"]: frame["revision"] for frame in frames} == {"a": 3, "b": 3}
        await empty(storage)
        await write(storage, 5)
        errors = [await socket.receive() for _ in range(2)]
        assert {(error["code"], error["id"]) for error in errors} == {
            ("revision_compacted", "a"),
            ("revision_compacted", "b"),
        }
        new = await socket.watch("a", snapshot=True)
        assert new["epoch"] != old["epoch"]
        _, entries = await socket.snapshot()
        assert len(entries) == 3


async def test_new_epoch_during_a_watch(storage: Any) -> None:
    await write(storage, 2)
    async with Socket(storage.alias) as socket:
        await socket.watch("a")
        await storage.awrite("k", b"")
        await socket.changes()
        await sync_to_async(storage.new_epoch)()
        await storage.awrite("k", b"")
        await socket.error("revision_compacted", "a")
        await socket.watch("a")
        await storage.awrite("k", b"")
        assert revisions(await socket.changes()) == [5]
