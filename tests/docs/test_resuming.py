"""The client of docs/websocket.md, on a line that breaks and a store that was restored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command

from agent_master_storage import Delete, Write, storage

from ..support import processes
from .blocks import ROOT, blocks
from .relay import Relay
from .runner import PASSWORD, USER

#: seconds for what must come
TIMEOUT = 30.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True, databases=["default", "postgres"]),
]


def client_of_the_docs() -> Any:
    """The class Mirror, as it stands there."""
    document = ROOT / "docs" / "websocket.md"
    block = next(b for b in blocks(document) if b.language == "python" and "Mirror" in b.text)
    namespace: dict[str, Any] = {}
    exec(compile(block.text, str(document), "exec"), namespace)
    return namespace["Mirror"]


class Watcher:
    """A mirror, and how often it was told of a change."""

    def __init__(self, port: int) -> None:
        self.mirror = client_of_the_docs()(f"ws://127.0.0.1:{port}/ws/storage/default/", "k")
        self.calls = 0

    def heard(self) -> None:
        self.calls += 1

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(TIMEOUT):
            while not condition():
                await asyncio.sleep(0.02)

    async def until_values(self, **values: str) -> None:
        await self.until(lambda: self.mirror.values == values)


def make_user(django_user_model: Any) -> None:
    django_user_model.objects.create_superuser(USER, password=PASSWORD)


@sync_to_async
def do(function: Callable[..., object], *arguments: object, **options: object) -> None:
    function(*arguments, **options)


def test_a_cut_line_loses_and_repeats_nothing(django_user_model: Any) -> None:
    make_user(django_user_model)
    storage.write("k1", b"one")

    async def scenario(port: int) -> None:
        relay = Relay(port)
        async with relay.open() as ours:
            watcher = Watcher(ours)
            task = asyncio.create_task(watcher.mirror.follow(watcher.heard))
            await watcher.until_values(k1="one")
            await do(storage.write, "k2", b"two")
            await watcher.until_values(k1="one", k2="two")
            calls = watcher.calls
            relay.cut()
            await do(storage.commit, [Delete("k1"), Write("k3", b"three"), Write("other", b"")])
            await watcher.until_values(k2="two", k3="three")
            # One frame with what it missed: no second snapshot, no change again.
            assert watcher.calls == calls + 1
            assert relay.connections == 2
            task.cancel()

    with processes.asgi_server() as server:
        asyncio.run(scenario(server.port))


def test_a_store_in_a_new_epoch_is_mirrored_anew(django_user_model: Any) -> None:
    make_user(django_user_model)
    storage.write("k1", b"one")

    async def scenario(port: int) -> None:
        watcher = Watcher(port)
        task = asyncio.create_task(watcher.mirror.follow(watcher.heard))
        await watcher.until_values(k1="one")
        epoch = watcher.mirror.position[1]
        await do(call_command, "storage", "new-epoch")
        await do(storage.write, "k2", b"two")
        await watcher.until_values(k1="one", k2="two")
        assert watcher.mirror.position[1] != epoch
        task.cancel()

    with processes.asgi_server() as server:
        asyncio.run(scenario(server.port))
