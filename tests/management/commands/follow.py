"""``manage.py follow``: watch a key in one of several ways and print its values."""

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
#: seconds after which a process that was not ended exits
LIFETIME = 120


def print_json(line: object) -> None:
    # One call, so that lines of two threads or processes do not mix.
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def by_handler(storage: Any) -> None:
    storage.watch(KEY, lambda value: print_json(value and value.decode()))
    print_json("ready")
    time.sleep(LIFETIME)


def by_iterator(storage: Any) -> None:
    with storage.changes(key=KEY) as changes:
        print_json("ready")
        for change in changes:
            print_json(change.value and change.value.decode())


def by_thread(storage: Any) -> None:
    thread = threading.Thread(target=by_iterator, args=(storage,), daemon=True)
    thread.start()
    thread.join()


def by_loop(storage: Any) -> None:
    async def follow() -> None:
        async with storage.achanges(key=KEY) as changes:
            print_json("ready")
            async for change in changes:
                print_json(change.value and change.value.decode())

    asyncio.run(follow())


def by_fork(storage: Any) -> None:
    # The parent uses all features before the fork. The child must not inherit any of its state.
    storage.read("before")
    storage.watch(KEY, lambda value: print_json(value and value.decode()))
    with storage.changes() as changes:
        storage.write("before", b"")
        next(changes)
        if os.fork() == 0:
            storage.watch(KEY, lambda value: print_json(value and f"child: {value.decode()}"))
            storage.write("child", b"")
            print_json("ready")
            time.sleep(LIFETIME)
        time.sleep(LIFETIME)


METHODS = {
    "handler": by_handler,
    "iterator": by_iterator,
    "thread": by_thread,
    "loop": by_loop,
    "fork": by_fork,
}


class Command(BaseCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("alias")
        parser.add_argument("method", choices=METHODS)

    def handle(self, *args: Any, alias: str, method: str, **options: Any) -> None:
        METHODS[method](storages[alias])
