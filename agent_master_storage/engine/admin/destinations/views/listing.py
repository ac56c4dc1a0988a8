"""The destinations of one storage, or of all that the user may see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.contrib.messages import ERROR, SUCCESS, WARNING
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .....admin.addresses import known_alias
from .....admin.permissions import visible
from .....admin.views.listing import Choice
from .....exceptions import StorageError, StorageUnavailable
from .... import times
from ....destinations.destination import Destination
from ....destinations.location import check_remote
from ....destinations.sync import SyncResult
from ....exceptions import InvalidDocument
from ...document_view import engine_of
from ...parts import DestinationAddress, document_of
from .base import DestinationsView
from .syncing import outcome

_ACTIONS = {
    "sync": "Sync selected MCP destinations",
    "dry_run": "Dry run of selected MCP destinations",
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """A destination in the list."""

    address: DestinationAddress
    destination: Destination
    last: SyncResult | None
    url: str
    sync_url: str

    @property
    def synced_at(self) -> datetime | None:
        """When a sync last wrote it, or failed."""
        return times.parse(self.last.timestamp) if self.last else None


class ListView(DestinationsView):
    """``?alias=`` chooses the storage."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """The list."""
        alias = request.GET.get("alias", "")
        aliases = self.shown_aliases(alias)
        may_change = any(map(self.may_change, aliases))
        return self.page(
            "list",
            f"Select MCP destination to {'change' if may_change else 'view'}",
            lines=[line for one in aliases for line in self.lines(one)],
            several=not alias,
            alias=alias,
            filters=[("storage", self.choices(alias))],
            actions=_ACTIONS.items(),
            may_change=may_change,
        )

    def choices(self, alias: str) -> list[Choice]:
        """The filter's lines."""
        found = [Choice(label="All", query="?", selected=not alias)]
        for one in self.shown_aliases(""):
            query = f"?{urlencode({'alias': one})}"
            found.append(Choice(label=one, query=query, selected=one == alias))
        return found

    def shown_aliases(self, alias: str) -> list[str]:
        """The storages to be listed."""
        if alias:
            self.require("view", document_of(known_alias(alias)))
            return [alias]
        return [one for one in visible(self.request.user) if self.may("view", document_of(one))]

    def lines(self, alias: str) -> Iterator[Line]:
        """The destinations of a storage; what can't be read is told of."""
        engine = engine_of(alias)
        try:
            for found in engine.list_destinations():
                address = DestinationAddress(alias, found.name)
                yield Line(
                    address=address,
                    destination=found,
                    last=engine.last_sync(found.name),
                    url=address.url("change", self.site),
                    sync_url=address.url("sync", self.site),
                )
        except (InvalidDocument, StorageUnavailable) as error:
            self.say(f"{alias}: what is stored can't be read: {error}", WARNING)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """An action on what was selected: one that fails holds up no other."""
        action = request.POST.get("action", "")
        chosen = [DestinationAddress.of(one) for one in request.POST.getlist("_selected_action")]
        back = request.get_full_path()
        if action not in _ACTIONS or not chosen:
            return self.go(back, "Choose an action, and destinations for it.", WARNING)
        for alias in {address.alias for address in chosen}:
            self.require_change(alias)
        for address in dict.fromkeys(chosen):
            self.sync(address, dry_run=action == "dry_run")
        return self.go(back)

    def sync(self, address: DestinationAddress, *, dry_run: bool) -> None:
        """Do it, and say what came of it."""
        engine = engine_of(address.alias)
        try:
            check_remote(engine.get_destination(address.name))
            result = engine.sync(address.name, dry_run=dry_run)
        except StorageError as error:
            self.say(f"{error}.", ERROR)
            return
        text = f"“{address.name}”: {outcome(result)}."
        if result.written and not dry_run:
            self.note(address.alias, f"Synced the MCP destination {text}")
        self.say(text, SUCCESS)
