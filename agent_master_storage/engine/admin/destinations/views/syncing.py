"""What a sync of one destination would do, and the sync itself."""

from __future__ import annotations

from dataclasses import asdict

from django.contrib.messages import INFO, WARNING
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from .....admin.diffs import of_text
from ....destinations.destination import Destination
from ....destinations.plan import Preview
from ....destinations.sync import SyncResult
from ....exceptions import DestinationUnavailable, InvalidDestination
from ....json_object import fingerprint
from .base import DestinationPage


class SyncView(DestinationPage):
    """GET shows what would change, POST does it if that is still what was shown.

    ``_dry_run`` goes all the way but for the writing.
    """

    def get(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The preview, with a diff in which no secret shows."""
        self.require("view", self.address.document)
        return self.show()

    def post(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Sync, or try to."""
        self.require("view", self.address.document)
        self.require_change(self.address.alias)
        dry_run = "_dry_run" in request.POST
        try:
            target = self.reachable()
            if _shown(self.engine.preview(target)) != request.POST.get("seen"):
                self.say("It would do something else by now: look again.", WARNING)
                return self.show()
            result = self.engine.sync(target, dry_run=dry_run)
        except (DestinationUnavailable, InvalidDestination):
            return self.show()
        text = f"“{target.name}”: {outcome(result)}."
        if dry_run:
            return self.go(self.address.url("sync", self.site), f"Dry run of {text}", INFO)
        if result.written:
            self.note(self.address.alias, f"Synced the MCP destination {text}")
        return self.go(self.list_url(), f"Synced {text}")

    def show(self) -> TemplateResponse:
        """The page. What can't be looked at is told of on it, and not that it is an error."""
        target, refused, preview = self.found(), "", None
        try:
            preview = self.engine.preview(self.reachable())
        except (DestinationUnavailable, InvalidDestination) as error:
            refused = str(error)
        return self.page(
            "sync",
            f"Sync {target.name}",
            200 if preview else 409,
            destination=target,
            refused=refused,
            may_change=self.may_change(self.address.alias),
            last=self.engine.last_sync(target.name),
            **_told(target, preview),
        )


def outcome(result: SyncResult) -> str:
    """What a sync did, in words."""
    if not result.written:
        return "nothing to do"
    counts = {
        "added": result.servers_added,
        "updated": result.servers_updated,
        "removed": result.servers_removed,
    }
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"{'would have ' if result.dry_run else ''}{told or 'written anew'}"


def _told(target: Destination, preview: Preview | None) -> dict[str, object]:
    if preview is None:
        return {}
    words = {
        "Would be added": preview.added,
        "Would be changed": preview.changed,
        "Would be removed": preview.removed,
        "Stay as they are": preview.unchanged,
    }
    return {
        "preview": preview,
        "outcomes": words,
        "diff": of_text(preview.diff),
        "seen": _shown(preview),
        "may_sync": target.enabled,
    }


def _shown(preview: Preview) -> str:
    """Differs when the preview does."""
    return fingerprint(asdict(preview))
