"""A plain script: ``python -m tests.watch.follow ALIAS WAY``."""

from __future__ import annotations

import sys

import django

django.setup()

from agent_master_storage import storages  # noqa: E402
from tests.management.commands.follow import METHODS  # noqa: E402

METHODS[sys.argv[2]](storages[sys.argv[1]])
