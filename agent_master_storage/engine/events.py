"""What happened to servers: found by comparing the document with what it was before.

The storage's watch says that the document changed, whoever changed it: this process, another
one, the admin or a Go engine.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..types import Unsubscribe
from . import keys
from .core import Core, twin
from .document import Document
from .exceptions import InvalidDocument
from .types import Server

logger = logging.getLogger("agent_master_storage.engine")

EventType: TypeAlias = Literal[
    "server-added",
    "server-updated",
    "server-removed",
    "server-enabled",
    "server-disabled",
    "settings-changed",
]

#: fields of ``internal`` whose change alone is no news
_NOTES = ("enabled", "lastModified", "lastSynced")


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that happened to a server, or to what the document holds besides servers."""

    type: EventType
    #: of the server; empty for settings-changed
    name: str = ""
    #: None: there was none
    before: Server | None = None
    #: None: there is none any more
    after: Server | None = None


ChangeHandler: TypeAlias = Callable[[Event], object]


def compare(before: Document, after: Document) -> Iterator[Event]:
    """What happened between two states, by the names of servers, settings last.

    A server that was switched and changed otherwise makes two events. A server that was renamed
    was removed and added. settings-changed stands for all that is not servers.
    """
    for name in sorted({*before.servers, *after.servers}):
        if before.servers.get(name) != after.servers.get(name):
            yield from _server_events(name, before, after)
    if _others(before) != _others(after):
        yield Event(type="settings-changed")


class EventVerbs(Core):
    """on_change."""

    def on_change(self, handler: ChangeHandler) -> Unsubscribe:
        """Call ``handler(event)`` for all that happens from now on, wherever it is done.

        Calls come one after another from a thread of the storage; see BaseStorage.watch() for
        what is promised of them. A state that is no document is logged and passed over.
        """
        # Read before the watch begins: what comes between is told with the next change. The
        # other way round, a change could be compared with a state that came after it.
        return self.storage.watch(keys.CONFIG, _Comparison(self.config(), handler))

    aon_change = twin(on_change)


class _Comparison:
    """The handler of a watch that knows the state before."""

    def __init__(self, known: Document, handler: ChangeHandler) -> None:
        self._known = known
        self._handler = handler

    def __call__(self, value: bytes | None) -> None:
        try:
            document = Document.new() if value is None else Document.parse(value)
        except InvalidDocument as error:
            logger.warning("the document can't be compared with what it was: %s", error)
            return
        before, self._known = self._known, document
        for event in compare(before, document):
            self._tell(event)

    def _tell(self, event: Event) -> None:
        try:
            self._handler(event)
        except Exception:
            logger.exception("the handler of %s %r raised", event.type, event.name)


def _server_events(name: str, before: Document, after: Document) -> Iterator[Event]:
    old = before.server(name) if name in before.servers else None
    new = after.server(name) if name in after.servers else None
    if old is None or new is None:
        kind: EventType = "server-added" if old is None else "server-removed"
        yield Event(type=kind, name=name, before=old, after=new)
        return
    if _news(before.servers[name]) != _news(after.servers[name]):
        yield Event(type="server-updated", name=name, before=old, after=new)
    if old.enabled != new.enabled:
        switched: EventType = "server-enabled" if new.enabled else "server-disabled"
        yield Event(type=switched, name=name, before=old, after=new)


def _news(data: Any) -> Any:
    if not isinstance(data, dict) or not isinstance(data.get("internal"), dict):
        return data
    internal = {key: part for key, part in data["internal"].items() if key not in _NOTES}
    return {**data, "internal": internal}


def _others(document: Document) -> dict[str, Any]:
    return {key: part for key, part in document.data.items() if key != "servers"}
