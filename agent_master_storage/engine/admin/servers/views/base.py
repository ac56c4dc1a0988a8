"""What all pages of servers share."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.messages import WARNING

from ..... import serialization as wire
from .....admin.content import Content
from .... import Document, Server
from ....exceptions import BackupNotFound, EngineError, ServerNotFound
from ....secrets import advice, mask_config
from ...document_view import DocumentView, PartView, engine_of
from ...parts import PartAddress, ServerAddress

__all__ = ["ServerPage", "ServersView", "as_content", "engine_of", "face", "shown"]


class ServersView(DocumentView):
    """A page about servers."""

    part: ClassVar[type[PartAddress]] = ServerAddress
    folder: ClassVar[str] = "servers"
    linked: ClassVar[tuple[str, ...]] = ("add", "import", "export", "backups")
    gone: ClassVar[tuple[type[EngineError], ...]] = (ServerNotFound, BackupNotFound)

    def advise(self, server: Server) -> None:
        """Tell of literal secrets."""
        for one in advice(server.config.to_dict()):
            self.say(f"“{server.name}”: {one}.", WARNING)


class ServerPage(ServersView, PartView):
    """A page about one server."""

    own_pages: ClassVar[tuple[str, ...]] = ("change", "delete", "rename", "reveal")

    def found(self) -> tuple[Document, Server | None]:
        """The document, and the server if it is there."""
        document = self.engine.config()
        name = self.address.name
        return document, document.server(name) if name in document.servers else None


def shown(server: Server | None) -> Content | None:
    """A server as a text that may be shown and compared."""
    return None if server is None else as_content(face(server))


def face(server: Server) -> dict[str, Any]:
    """What of a server people change, without its secrets."""
    internal = server.internal
    return mask_config(server.config.to_dict()) | {
        "enabled": server.enabled,
        "syncTargets": list(internal.sync_targets),
    }


def as_content(document: Any) -> Content:
    """A JSON document as a text."""
    return Content(wire.dumps(document).encode())
