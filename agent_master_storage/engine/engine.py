"""``Engine``: every verb, each defined in the file of what it is about."""

from __future__ import annotations

from .autosync import AutoSyncVerbs
from .configuring import SettingsVerbs
from .events import EventVerbs
from .servers import ServerVerbs
from .transfer import TransferVerbs


class Engine(ServerVerbs, TransferVerbs, AutoSyncVerbs, EventVerbs, SettingsVerbs):
    """MCP server configurations in the document of one storage.

    Every method has an async twin with an ``a`` before its name (that of ``sync`` is ``async_``,
    because ``async`` is no name). Nothing is cached: each call
    reads the storage, so that what another process, the admin or a Go engine did is seen.
    """
