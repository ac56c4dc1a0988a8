"""``manage.py follow``: prints the values of a key, from wherever it is told to watch."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from agent_master_storage import storages

KEY = "k"
#: seconds after which a forgotten one ends
PATIENCE = 120


def say(line: object) -> None:
    # One call, so that lines of two threads or processes do not mix.
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def by_handler(storage: Any) -> None:
    storage.watch(KEY, lambda value: say(value and value.decode()))
    say("ready")
    time.sleep(PATIENCE)


def by_iterator(storage: Any) -> None:
    with storage.changes(key=KEY) as changes:
        say("ready")
        for change in changes:
            say(change.value and change.value.decode())


def by_thread(storage: Any) -> None:
    thread = threading.Thread(target=by_iterator, args=(storage,), daemon=True)
    thread.start()
    thread.join()


def by_loop(storage: Any) -> None:
    async def follow() -> None:
        async with storage.achanges(key=KEY) as changes:
            say("ready")
            async for change in changes:
                say(change.value and change.value.decode())

    asyncio.run(follow())


def by_fork(storage: Any) -> None:
    """The parent used all that there is to use; the child begins anew and harms no one."""
    storage.read("before")
    storage.watch(KEY, lambda value: say(value and value.decode()))
    with storage.changes() as changes:
        storage.write("before", b"")
        next(changes)
        if os.fork() == 0:
            storage.watch(KEY, lambda value: say(value and f"child: {value.decode()}"))
            storage.write("child", b"")
            say("ready")
            time.sleep(PATIENCE)
        time.sleep(PATIENCE)


WAYS = {
    "handler": by_handler,
    "iterator": by_iterator,
    "thread": by_thread,
    "loop": by_loop,
    "fork": by_fork,
}


class Command(BaseCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("alias")
        parser.add_argument("way", choices=WAYS)

    def handle(self, *args: Any, alias: str, way: str, **options: Any) -> None:
        WAYS[way](storages[alias])
