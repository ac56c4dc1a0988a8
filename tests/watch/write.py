"""``python -m tests.watch.write ALIAS VALUE...``: writes them to one key."""

from __future__ import annotations

import sys

import django

django.setup()

from agent_master_storage import storages  # noqa: E402

for value in sys.argv[2:]:
    storages[sys.argv[1]].write("k", value.encode())
