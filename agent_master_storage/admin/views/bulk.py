"""Many keys: deleted together after a confirmation."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from django.contrib.messages import ERROR, WARNING
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ...backends.logged import MAX_COMMIT_OPERATIONS
from ...handler import storages
from .. import stores
from ..addresses import EntryAddress
from ..stores import MISSING, Stale
from .base import StorageView, logged_entry

#: a key, and what was seen of it
Chosen = tuple[EntryAddress, str]


class BulkDeleteView(StorageView):
    """The action of the list. The first POST is asked back, the second one deletes."""

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Ask, or delete what was shown when it was asked."""
        chosen = [EntryAddress.of(value) for value in request.POST.getlist("_selected_action")]
        if not chosen or len(chosen) > MAX_COMMIT_OPERATIONS:
            text = f"Choose 1 to {MAX_COMMIT_OPERATIONS:,} entries."
            return self.go(request.get_full_path(), text, WARNING)
        for address in chosen:
            self.require("delete", address)
        seen = request.POST.getlist("revision")
        if "post" not in request.POST or len(seen) != len(chosen):
            return self.ask(chosen)
        return self.delete(list(zip(chosen, seen, strict=True)))

    def ask(self, chosen: list[EntryAddress]) -> HttpResponseBase:
        """Show the keys with the revisions that would be deleted."""
        now = [(a, stores.seen_now(storages[a.alias], a.key)) for a in chosen]
        rows = [(a, seen, stores.revision_of(seen)) for a, seen in now if seen != MISSING]
        if not rows:
            return self.go(self.request.get_full_path(), "They are gone already.", WARNING)
        together = all(storages[a.alias].supports_commit for a, *_ in rows)
        several = len({address.alias for address, *_ in rows}) > 1
        return self.page(
            "bulk_delete",
            "Are you sure?",
            rows=rows,
            together=together,
            several=several,
            back_url=self.request.get_full_path(),
        )

    def delete(self, chosen: list[Chosen]) -> HttpResponseBase:
        """Delete each storage's keys together, or say which were changed meanwhile."""
        for alias, group in groupby(_sorted(chosen), lambda one: one[0].alias):
            self.delete_in(alias, list(group))
        return self.go(self.request.get_full_path())

    def delete_in(self, alias: str, chosen: list[Chosen]) -> None:
        """Delete keys of one storage."""
        try:
            stores.remove(storages[alias], [(address.key, seen) for address, seen in chosen])
        except Stale as stale:
            names = ", ".join(f"“{key}”" for key in stale.keys)
            self.say(f"Nothing was deleted in {alias}: changed meanwhile: {names}.", ERROR)
            return
        entries = [logged_entry(address) for address, _ in chosen]
        self.model_admin.log_deletions(self.request, entries)  # type: ignore[arg-type]
        plural = "entry was" if len(chosen) == 1 else "entries were"
        self.say(f"{len(chosen)} {plural} deleted in {alias}.")


def _sorted(chosen: Iterable[Chosen]) -> list[Chosen]:
    return sorted(set(chosen), key=lambda one: (one[0].alias, one[0].key))
