"""``manage.py seed_demo``: sample data, and a user to look at it with."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

from agent_master_storage import actor, storage
from agent_master_storage.exceptions import RevisionConflict

#: from key to document
SAMPLE = Path(__file__).resolve().parents[2] / "sample.json"

USER = PASSWORD = "demo"


class Command(BaseCommand):
    """May be run again: what is there already is left as it is."""

    help = "Writes the sample data that is missing, makes the user demo, says where to look."

    def handle(self, *args: Any, **options: Any) -> None:
        with actor("seed"):
            written = [key for key, document in _sample() if _write(key, document)]
        self.stdout.write(f"sample data  {', '.join(written) or 'is there already'}")
        port = os.environ.get("PORT") or "8000"
        site = f"http://127.0.0.1:{port}"
        for name, path in _pages():
            self.stdout.write(f"{name:<12} {site}{path}")
        # A password that everybody knows is for one's own machine only.
        if settings.DEBUG:
            self.stdout.write(f"log in       {_make_user()}")
        if port.isdecimal() and _is_taken(int(port)):
            other = int(port) + 1
            self.stdout.write(f"port {port} is taken; for another one: PORT={other} make demo")


def _sample() -> Iterator[tuple[str, Any]]:
    yield from json.loads(SAMPLE.read_text("utf-8")).items()


def _write(key: str, document: Any) -> bool:
    """Whether the key was missing; what somebody has edited stays."""
    try:
        storage.write_json(key, document, if_revision=0)
    except RevisionConflict:
        return False
    return True


def _is_taken(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except (OSError, OverflowError):
        return True
    return False


def _pages() -> Iterator[tuple[str, str]]:
    yield "live page", "/"
    yield "admin", "/admin/"
    yield "MCP servers", "/admin/agent_master_storage_engine/mcpserver/"
    yield "API", "/storage/"
    yield "engine API", "/engine/"
    if apps.is_installed("drf_spectacular"):
        yield "Swagger", "/docs/"


def _make_user() -> str:
    """Make the user unless there is one, whose password we neither know nor touch."""
    users = get_user_model()._default_manager
    if users.filter(username=USER).exists():
        return f"user {USER}, password {PASSWORD} unless it was changed"
    users.create_superuser(USER, "demo@example.com", PASSWORD)
    return f"user {USER}, password {PASSWORD}"
