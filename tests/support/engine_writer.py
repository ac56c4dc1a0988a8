"""``python -m tests.support.engine_writer ALIAS NAME COUNT``: add servers in another process."""

from __future__ import annotations

import json
import sys

import django

django.setup()

from agent_master_storage import storages  # noqa: E402
from agent_master_storage.engine import Engine  # noqa: E402

alias, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
engine = Engine(storage=storages[alias])
print(json.dumps("ready"), flush=True)
for number in range(count):
    engine.add_server(f"{name}{number}", {"command": "uvx", "args": [f"server-{number}"]})
print(json.dumps("done"), flush=True)
