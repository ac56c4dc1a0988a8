"""The servers of one storage, or of all that the user may see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.messages import ERROR, SUCCESS, WARNING
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .....admin.addresses import known_alias
from .....admin.permissions import visible
from .....admin.views.base import FILTERS
from .....admin.views.listing import Choice
from .....exceptions import StorageUnavailable
from .... import Server, times
from ....exceptions import InvalidDocument, ServerChanged, ServerNotFound
from ....keys import CONFIG
from ....secrets import advice, mask_config
from ....server import TRANSPORTS
from ....servers import remove_servers, set_servers_enabled
from ...parts import ServerAddress, document_of
from .base import ServersView, engine_of

#: servers on a page
PAGE_SIZE = 100
#: servers that an action takes at once
MAX_CHOSEN = 1000

_ACTIONS = {"enable": "enabled", "disable": "disabled"}
_CHOICES = (*_ACTIONS, "delete")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A server in the list."""

    address: ServerAddress
    server: Server
    url: str

    @property
    def reached(self) -> str:
        """Its command with arguments, or its address; no secrets."""
        shown = mask_config(self.server.config.to_dict())
        parts = [shown.get("url", "")]
        if self.server.transport == "stdio":
            parts = [shown.get("command", ""), *shown.get("args", [])]
        # One that no page can show must not hide the others.
        return " ".join(parts).encode(errors="replace").decode()

    @property
    def modified(self) -> datetime | None:
        """When it was changed; None when that was never noted."""
        text = self.server.internal.last_modified
        return None if text == times.NEVER else times.parse(text)

    @property
    def has_literals(self) -> bool:
        """Whether it holds secrets that had better be references."""
        return bool(advice(self.server.config.to_dict()))


class ListView(ServersView):
    """``?alias=``, ``?transport=`` and ``?enabled=`` filter; ``?q=`` is a part of the name."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """The list."""
        query = {name: request.GET.get(name, "") for name in ("alias", "transport", "enabled", "q")}
        aliases = self.shown_aliases(query["alias"])
        found = [line for alias in aliases for line in self.lines(alias, query)]
        page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("p"))
        may_change = any(map(self.may_change, aliases))
        return self.page(
            "list",
            f"Select MCP server to {'change' if may_change else 'view'}",
            page=page,
            lines=page.object_list,
            several=not query["alias"],
            query=query,
            next_query=self.query(query, p=page.number + 1) if page.has_next() else "",
            previous_query=self.query(query, p=page.number - 1) if page.has_previous() else "",
            filters=list(self.filters(query)),
            actions=[(name, f"{name.capitalize()} selected MCP servers") for name in _CHOICES],
            filtered=any(query[name] for name in ("q", "transport", "enabled")),
            may_change=may_change,
            alias=query["alias"],
        )

    def shown_aliases(self, alias: str) -> list[str]:
        """The storages to be listed."""
        if not alias:
            return visible(self.request.user, CONFIG)
        self.require("view", document_of(known_alias(alias)))
        return [alias]

    def lines(self, alias: str, query: dict[str, str]) -> Iterator[Line]:
        """The servers of a storage that match; what can't be read is told of."""
        try:
            servers = engine_of(alias).list_servers(
                enabled={"yes": True, "no": False}.get(query["enabled"]),
                transport=query["transport"] or None,
            )
        except (InvalidDocument, StorageUnavailable) as error:
            self.say(f"{alias}: what is stored can't be read: {error}", WARNING)
            return
        wanted = query["q"].casefold()
        filters = self.request.GET.urlencode()
        suffix = "?" + urlencode({FILTERS: filters}) if filters else ""
        for server in servers:
            if wanted in server.name.casefold():
                address = ServerAddress(alias, server.name)
                url = address.url("change", self.site) + suffix
                yield Line(address=address, server=server, url=url)

    def filters(self, query: dict[str, str]) -> Iterator[tuple[str, list[Choice]]]:
        """The columns of the filter."""
        aliases = [(alias, alias) for alias in visible(self.request.user, CONFIG)]
        yield "storage", self.choices("alias", aliases, query)
        yield "transport", self.choices("transport", [(t, t) for t in TRANSPORTS], query)
        yield "enabled", self.choices("enabled", [("yes", "Yes"), ("no", "No")], query)

    def choices(
        self, name: str, values: list[tuple[str, str]], query: dict[str, str]
    ) -> list[Choice]:
        """The lines of one of them."""
        return [
            Choice(
                label=label,
                query=self.query(query | {name: value}),
                selected=query[name] == value,
            )
            for value, label in [("", "All"), *values]
        ]

    def query(self, query: dict[str, str], **more: Any) -> str:
        """As it stands in a link."""
        given = {**query, **more}
        return "?" + urlencode({name: value for name, value in given.items() if value})

    # Actions

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """An action on what was selected."""
        action = request.POST.get("action", "")
        chosen = [ServerAddress.of(one) for one in request.POST.getlist("_selected_action")]
        if action not in _CHOICES:
            return self.go(request.get_full_path(), "No action was chosen.", WARNING)
        if not chosen or len(chosen) > MAX_CHOSEN:
            text = f"Choose 1 to {MAX_CHOSEN:,} servers."
            return self.go(request.get_full_path(), text, WARNING)
        names: dict[str, list[str]] = {}
        for address in dict.fromkeys(chosen):
            names.setdefault(address.alias, []).append(address.name)
        for alias in names:
            self.require_change(alias)
        if action == "delete":
            return self.delete(names)
        for alias, one in names.items():
            self.set_enabled(alias, one, action)
        return self.go(request.get_full_path())

    def set_enabled(self, alias: str, names: list[str], action: str) -> None:
        """Enable or disable servers of one storage, all of them or none."""
        word = _ACTIONS[action]
        try:
            changed = set_servers_enabled(engine_of(alias), names, action == "enable")
        except ServerNotFound as error:
            self.say(f"Nothing was {word} in {alias}: {error}.", ERROR)
            return
        if changed:
            listed = ", ".join(f"“{server.name}”" for server in changed)
            self.note(alias, f"{word.capitalize()} the MCP servers {listed}.")
        self.say(f"{_count(len(changed))} {word} in {alias}.", SUCCESS)

    def delete(self, names: dict[str, list[str]]) -> HttpResponseBase:
        """Ask, then delete what was shown when it was asked."""
        seen = self.request.POST.getlist("fingerprint")
        total = sum(map(len, names.values()))
        if "post" not in self.request.POST or len(seen) != total:
            return self.ask(names)
        given = iter(seen)
        for alias, chosen in names.items():
            self.delete_in(alias, {name: next(given) for name in chosen})
        return self.go(self.request.get_full_path())

    def ask(self, names: dict[str, list[str]]) -> HttpResponseBase:
        """The question."""
        rows = [
            (ServerAddress(alias, server.name), server)
            for alias, chosen in names.items()
            for server in self.stored(alias, chosen)
        ]
        if not rows:
            return self.go(self.request.get_full_path(), "They are gone already.", WARNING)
        return self.page(
            "bulk_delete", "Are you sure?", rows=rows, back_url=self.request.get_full_path()
        )

    def stored(self, alias: str, names: list[str]) -> Iterator[Server]:
        """Those that are there."""
        document = engine_of(alias).config()
        return (document.server(name) for name in names if name in document.servers)

    def delete_in(self, alias: str, seen: dict[str, str]) -> None:
        """Delete servers of one storage, or say which was changed meanwhile."""
        try:
            removed = remove_servers(engine_of(alias), dict(seen))
        except (ServerChanged, ServerNotFound) as error:
            self.say(f"Nothing was deleted in {alias}: {error}.", ERROR)
            return
        listed = ", ".join(f"“{server.name}”" for server in removed)
        self.note(alias, f"Deleted the MCP servers {listed}.")
        self.say(f"{_count(len(removed))} deleted in {alias}.")


def _count(number: int) -> str:
    return f"{number} MCP server was" if number == 1 else f"{number} MCP servers were"
