"""``python -m tests.support.engine_auto_sync ALIAS``: run auto-sync until killed."""

from __future__ import annotations

import json
import sys
import threading

import django

django.setup()

from agent_master_storage import storages  # noqa: E402
from agent_master_storage.engine import Engine  # noqa: E402

with Engine(storage=storages[sys.argv[1]]).auto_sync():
    print(json.dumps("ready"), flush=True)
    threading.Event().wait()
