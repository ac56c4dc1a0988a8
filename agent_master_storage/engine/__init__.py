"""The MCP configuration engine: servers, destinations and backups on top of any storage.

Where to start reading:

``engine``      ``Engine``: every verb, and the loop that loses no update
``types``       what comes out: Server, ServerConfig, Internal
``document``    the stored JSON document, kept as it was parsed
``exceptions``  what can go wrong
``formats``     the configuration files of MCP clients
``keys``        the names under which things are kept, those of the Go engine

In a project::

    from agent_master_storage import storages
    from agent_master_storage.engine import Engine, ServerConfig

    engine = Engine(storage=storages["default"])
    engine.add_server("files", ServerConfig(command="npx", args=["-y", "some-server"]))
"""

from __future__ import annotations

from .document import Document
from .engine import Engine
from .types import Internal, Server, ServerConfig

__all__ = ["Document", "Engine", "Internal", "Server", "ServerConfig"]
