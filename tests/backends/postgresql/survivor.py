"""``python -m tests.backends.postgresql.survivor WRITES``: writes and watches during restarts.

Prints what was written, what was heard, and what failed.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

import django

django.setup()

from agent_master_storage import storages  # noqa: E402
from agent_master_storage.exceptions import StorageUnavailable  # noqa: E402

_lock = threading.Lock()


def say(*words: Any) -> None:
    with _lock:
        print(json.dumps(words), flush=True)


def main(writes: int) -> None:
    storage: Any = storages["postgresql"]
    heard = threading.Event()

    def handle(value: bytes | None) -> None:
        say("heard", (value or b"").decode())
        if value == b"end":
            heard.set()

    storage.watch("k", handle)
    for number in range(writes):
        _write(storage, str(number))
        time.sleep(0.01)
    _write(storage, "end")
    heard.wait(60)
    say("log", [(change.value or b"").decode() for change in storage.history()])
    say("epoch", storage.epoch)


def _write(storage: Any, value: str) -> None:
    """Until it is written; after a failure it may have been."""
    while True:
        try:
            say("written", value, storage.write("k", value.encode()))
            return
        except StorageUnavailable as error:
            say("failed", value, type(error.__cause__).__name__)
            time.sleep(0.05)


if __name__ == "__main__":
    main(int(sys.argv[1]))
