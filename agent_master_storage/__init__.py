"""Durable, watchable key/value storage for agent and MCP configuration, as a Django app.

Where to start reading:

``types``       what goes in and comes out: Entry, Change, Snapshot; Write, Delete, Check
``exceptions``  what can go wrong, as one tree
``backends``    ``base.py`` is the interface; ``logged.py`` what every adapter with a change
                log shares; ``memory.py`` is the shortest whole adapter; ``database.py`` the
                one a project uses
``watch``       how every change reaches every watcher, once and in order
``handler``     ``storages["alias"]``, made from the setting AGENT_MASTER_STORAGE
``access``      the one rule that says who may do what
``rest``, ``consumers``, ``admin``   the three faces: HTTP, websocket, Django admin

In a project::

    from agent_master_storage import storage, storages

    storage.write("config", b"{}")          # storage is storages["default"]
    unsubscribe = storage.watch("config", print)
"""

from __future__ import annotations

from .actor import actor
from .handler import storage, storages
from .types import Change, Check, Delete, Entry, Snapshot, Write

__all__ = [
    "Change",
    "Check",
    "Delete",
    "Entry",
    "Snapshot",
    "Write",
    "actor",
    "storage",
    "storages",
]

__version__ = "0.2.0.dev0"
