"""``python -m tests.backends.database.attempt ALIAS``: tries each method on a broken store."""

from __future__ import annotations

import json
import sys
from typing import Any

import django

django.setup()

from agent_master_storage import Write, storages  # noqa: E402

storage: Any = storages[sys.argv[1]]
attempts = {
    "read": lambda: storage.read("k"),
    "write": lambda: storage.write("k", b""),
    "delete": lambda: storage.delete("k"),
    "list": lambda: storage.list(),
    "entries": lambda: storage.entries(),
    "commit": lambda: storage.commit([Write("k", b"")]),
    "history": lambda: storage.history(),
    "snapshot": lambda: storage.snapshot(),
    "revision": lambda: storage.revision,
    "epoch": lambda: storage.epoch,
    "compact": lambda: storage.compact(0),
    "changes": lambda: storage.changes().close(),
    "watch": lambda: storage.watch("k", print),
}
for name, attempt in attempts.items():
    try:
        attempt()
    except Exception as error:
        cause = error.__cause__ and type(error.__cause__).__module__
        print(json.dumps([name, type(error).__name__, cause, str(error)]))
    else:
        print(json.dumps([name, "", None, ""]))
