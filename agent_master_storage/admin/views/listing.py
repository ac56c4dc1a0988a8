"""The entries of one storage, or of all that the user may see, by prefix, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.messages import WARNING
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ... import permissions as access
from ...exceptions import StorageUnavailable
from ...handler import storages
from ...keys import check_prefix
from .. import stores
from ..addresses import EntryAddress, known_alias
from ..permissions import visible
from ..stores import Row
from .base import FILTERS, StorageView
from .bulk import BulkDeleteView

#: entries on a page
PAGE_SIZE = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A line of the filter."""

    label: str
    query: str
    selected: bool


class ListView(StorageView):
    """``?alias=`` filters, ``?q=`` is a prefix, ``?from=&after=`` the end of the page before."""

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """An action on what was selected."""
        if request.POST.get("action") != "delete_selected":
            return self.go(request.get_full_path(), "No action was chosen.", WARNING)
        view = BulkDeleteView(model_admin=self.model_admin, extra_context=self.extra_context)
        view.setup(request)
        return view.dispatch(request)

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """The list."""
        alias, prefix = request.GET.get("alias", ""), check_prefix(request.GET.get("q", ""))
        shown = self.aliases(alias, prefix)
        rows = list(self.rows(shown, prefix, alone=bool(alias)))
        more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
        here = request.GET.urlencode()
        may_change = self.model_admin.has_change_permission(request)
        add = {"alias": alias, "key": prefix}
        return self.page(
            "entries",
            f"Select entry to {'change' if may_change else 'view'}",
            rows=[(row, self.link(row, here)) for row in rows],
            filters=[("storage", list(self.choices(alias, prefix)))],
            alias=alias,
            prefix=prefix,
            several=not alias,
            actions=[("delete_selected", "Delete selected entries")],
            without_revisions=[a for a in shown if not storages[a].supports_revisions],
            next_query=_query(alias=alias, q=prefix, **_end(rows)) if more else "",
            may_add=self.model_admin.has_add_permission(request),
            may_delete=any(access.may(request.user, "delete", a, prefix) for a in shown),
            add_query=urlencode({name: text for name, text in add.items() if text}),
            first=not request.GET.get("after"),
            needs_prefix=not shown,
        )

    def aliases(self, alias: str, prefix: str) -> list[str]:
        """The storages to be listed."""
        found = visible(self.request.user, prefix)
        if not alias:
            return found
        return [alias] if known_alias(alias) in found else []

    def rows(self, shown: list[str], prefix: str, alone: bool) -> Iterator[Row]:
        """One more than a page holds, if there is one more."""
        begin, after = self.request.GET.get("from", ""), self.request.GET.get("after", "")
        if alone or begin not in shown:
            begin = shown[0] if shown else ""
        left = PAGE_SIZE + 1
        for alias in shown[shown.index(begin) :] if shown else []:
            try:
                found = stores.rows(storages[alias], prefix, after if alias == begin else "", left)
            except StorageUnavailable as error:
                if alone:
                    raise
                self.say(f"{alias} can't be reached: {error}", WARNING)
                continue
            yield from found
            left -= len(found)
            if left <= 0:
                return

    def link(self, row: Row, query: str) -> tuple[str, str]:
        """The id of a row, and where it is edited."""
        address = EntryAddress(row.alias, row.key)
        filters = "?" + urlencode({FILTERS: query}) if query else ""
        return address.quoted, address.url("change", self.site) + filters

    def choices(self, alias: str, prefix: str) -> Iterator[Choice]:
        """The filter's lines."""
        yield Choice(label="All", query=_query(q=prefix), selected=not alias)
        for one in visible(self.request.user, prefix):
            yield Choice(label=one, query=_query(alias=one, q=prefix), selected=one == alias)


def _end(rows: list[Row]) -> dict[str, str]:
    return {"from": rows[-1].alias, "after": rows[-1].key}


def _query(**parameters: str) -> str:
    return "?" + urlencode({name: text for name, text in parameters.items() if text})
