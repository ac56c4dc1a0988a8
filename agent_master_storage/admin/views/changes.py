"""The change log of a storage, and of one key of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from ...handler import storages
from ...keys import check_prefix
from ...watch import Selector
from .. import log
from ..addresses import ChangeAddress, EntryAddress, known_alias, known_revision
from ..log import LogPage
from ..permissions import visible
from .base import EntryView, StorageView
from .listing import Choice, _query

#: changes on a page; a revision is never split
PAGE_SIZE = 50


class LogView(StorageView):
    """A page of the log."""

    def log_page(self, alias: str, selector: Selector) -> LogPage:
        """The page that ``?before=`` asks for."""
        text = self.request.GET.get("before")
        before = None if text is None else known_revision(text)
        return log.newest(storages[alias], selector, before, PAGE_SIZE)

    def lines(self, page: LogPage) -> list[Any]:
        """Each line, with where its diff and its entry are."""
        return [
            (
                line,
                ChangeAddress(line.alias, line.revision, line.key).url(self.site),
                EntryAddress(line.alias, line.key).url("history", self.site),
            )
            for line in page.lines
        ]


class ChangesView(LogView):
    """All changes of a storage; ``?q=`` is a prefix of the keys."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """The newest first."""
        prefix = check_prefix(request.GET.get("q", ""))
        found = visible(request.user, prefix)
        aliases = [a for a in found if storages[a].supports_resume]
        alias = request.GET.get("alias") or (aliases[0] if aliases else "")
        may = known_alias(alias) in found if alias else bool(found)
        page = self.log_page(alias, Selector.of(prefix)) if alias and may else None
        return self.show(page, alias, prefix, aliases, needs_prefix=not may)

    def show(
        self,
        page: LogPage | None,
        alias: str,
        prefix: str,
        aliases: list[str],
        needs_prefix: bool,
    ) -> TemplateResponse:
        """The page."""
        older = _query(alias=alias, q=prefix, before=_text(page))
        return self.page(
            "changes",
            "Change log",
            lines=self.lines(page) if page else [],
            log=page,
            older_query=older if page and page.before else "",
            first="before" not in self.request.GET,
            alias=alias,
            prefix=prefix,
            filters=[("storage", list(_choices(aliases, alias, prefix)))],
            needs_prefix=needs_prefix,
        )


class HistoryView(LogView, EntryView):
    """The changes of one key."""

    def get(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The newest first."""
        self.require("view", self.address)
        page = self.log_page(self.address.alias, Selector.of(key=self.address.key))
        return self.page(
            "history",
            f"Change history: {self.address.label}",
            lines=self.lines(page),
            log=page,
            older_query=_query(before=_text(page)) if page.before else "",
            first="before" not in request.GET,
        )


def _text(page: LogPage | None) -> str:
    return str(page.before) if page and page.before else ""


def _choices(aliases: list[str], alias: str, prefix: str) -> Iterator[Choice]:
    for one in aliases:
        yield Choice(label=one, query=_query(alias=one, q=prefix), selected=one == alias)
