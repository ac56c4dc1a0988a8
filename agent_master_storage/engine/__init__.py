"""The MCP configuration engine: servers, destinations and backups on top of any storage.

Where to start reading:

``engine``      ``Engine``, put together from the verbs in the files below
``core``        reading the document, and the loop in which a change loses no update
``document``    the stored JSON document, kept as it was parsed; ``editing`` changes a server in it
``types``       what comes out: Server, ServerConfig, Internal; ``settings``, ``times``
``exceptions``  what can go wrong
``servers``     add, update, remove, list ...; ``validation``, ``filters``
``transfer``    import and export; ``importing`` is how servers go into the document
``formats``     the configuration files of MCP clients; ``variables``, ``secrets``, ``schemas``
``syncing``     preview and sync: ``planning`` says what a destination is to hold, ``patching``
                changes a text and keeps its comments, ``places`` and ``files`` replace it safely
``autosync``    destinations that follow the document by themselves
``backups``, ``events``, ``configuring`` (the settings)
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
