"""``Engine``: every verb, each defined in the file of what it is about."""

from __future__ import annotations

from .servers import ServerVerbs


class Engine(ServerVerbs):
    """MCP server configurations in the document of one storage.

    Every method has an async twin with an ``a`` before its name. Nothing is cached: each call
    reads the storage, so that what another process, the admin or a Go engine did is seen.
    """
