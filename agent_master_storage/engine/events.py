"""Events about servers, found by comparing the document with its previous state.

The storage's watch reports every change of the document, whether it was made by this process,
another process, the admin or a Go engine.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..types import Unsubscribe
from . import keys
from .document import Document
from .document_store import DocumentStore
from .exceptions import InvalidDocument
from .server import Server

logger = logging.getLogger("agent_master_storage.engine")

EventType: TypeAlias = Literal[
    "server-added",
    "server-updated",
    "server-removed",
    "server-enabled",
    "server-disabled",
    "settings-changed",
]

#: fields of ``internal`` whose change alone is not an update of the server
_BOOKKEEPING = ("enabled", "lastModified", "lastSynced")


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One change of a server, or of the rest of the document."""

    type: EventType
    #: of the server; empty for settings-changed
    name: str = ""
    #: None if the server is new
    before: Server | None = None
    #: None if the server was removed
    after: Server | None = None


ChangeHandler: TypeAlias = Callable[[Event], object]


def on_change(engine: DocumentStore, handler: ChangeHandler) -> Unsubscribe:
    """Call ``handler(event)`` for every change from now on, in whatever process it is made.

    The calls are made one after another from a thread of the storage; BaseStorage.watch() says
    what it guarantees. If the stored value is not a document, this is logged, and the next
    document is compared with the last valid one.

    Returns:
        A function that ends the subscription.
    """
    # The document is read before the watch begins, so a change in between is reported along with
    # the next one. In the other order, a change could be compared with a later state.
    return engine.storage.watch(keys.CONFIG, _Comparison(engine.config(), handler))


def compare(before: Document, after: Document) -> Iterator[Event]:
    """Yield the events between two states, sorted by server name, settings-changed last.

    If a server was both enabled or disabled and changed otherwise, there are two events. A rename
    is a removal and an addition. settings-changed covers everything except servers.
    """
    for name in sorted({*before.servers, *after.servers}):
        if before.servers.get(name) != after.servers.get(name):
            yield from _server_events(name, before, after)
    if _without_servers(before) != _without_servers(after):
        yield Event(type="settings-changed")


class _Comparison:
    """A watch handler that compares each document with the previous one."""

    def __init__(self, known: Document, handler: ChangeHandler) -> None:
        self._known = known
        self._handler = handler

    def __call__(self, value: bytes | None) -> None:
        try:
            document = Document.new() if value is None else Document.parse(value)
        except InvalidDocument as error:
            logger.warning("the document cannot be compared with its previous state: %s", error)
            return
        before, self._known = self._known, document
        for event in compare(before, document):
            self._notify(event)

    def _notify(self, event: Event) -> None:
        try:
            self._handler(event)
        except Exception:
            logger.exception("the handler of %s %r raised", event.type, event.name)


def _server_events(name: str, before: Document, after: Document) -> Iterator[Event]:
    old = before.server(name) if name in before.servers else None
    new = after.server(name) if name in after.servers else None
    if old is None or new is None:
        type: EventType = "server-added" if old is None else "server-removed"
        yield Event(type=type, name=name, before=old, after=new)
        return
    if _significant(before.servers[name]) != _significant(after.servers[name]):
        yield Event(type="server-updated", name=name, before=old, after=new)
    if old.enabled != new.enabled:
        switched: EventType = "server-enabled" if new.enabled else "server-disabled"
        yield Event(type=switched, name=name, before=old, after=new)


def _significant(data: Any) -> Any:
    """Return a server's object without the fields that the engine keeps for bookkeeping."""
    if not isinstance(data, dict) or not isinstance(data.get("internal"), dict):
        return data
    internal = {key: part for key, part in data["internal"].items() if key not in _BOOKKEEPING}
    return {**data, "internal": internal}


def _without_servers(document: Document) -> dict[str, Any]:
    return {key: part for key, part in document.data.items() if key != "servers"}
