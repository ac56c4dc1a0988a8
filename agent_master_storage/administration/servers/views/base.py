"""What all pages of servers share: the engine of a storage, who may, and the frame."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.messages import WARNING
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from .... import access, models, wire
from ....engine import Document, Engine, Server
from ....engine.exceptions import BackupNotFound, EngineError, ServerNotFound
from ....engine.keys import CONFIG
from ....engine.secrets import advice, mask_config
from ....exceptions import InvalidValue
from ....handler import storages
from ... import stores
from ...content import Content
from ...stores import MISSING
from ...views.base import FILTERS, StorageView, logged_entry
from ..addresses import ServerAddress, document_of, page_url


class ServersView(StorageView):
    """A page about servers."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """What is gone leads back to the list, what the engine refuses becomes a page."""
        try:
            answer = super().dispatch(request, *args, **kwargs)
            if isinstance(answer, TemplateResponse):
                answer.render()
        except (ServerNotFound, BackupNotFound) as error:
            return self.go(self.list_url(), f"{str(error)[:1].upper()}{str(error)[1:]}.", WARNING)
        except EngineError as error:
            return self.problem("This was refused", error, 409)
        except UnicodeEncodeError:
            half = InvalidValue("it holds half a character, which no page can show")
            return self.problem("This can't be shown", half, 409)
        return answer

    # Who may

    def aliases(self, action: access.Action) -> list[str]:
        """The storages in whose document the user may do it; PermissionDenied if in none."""
        user = self.request.user
        found = [alias for alias in storages if access.may(user, action, alias, CONFIG)]
        if not found:
            raise PermissionDenied(f"you may not {action} the servers of any storage")
        return found

    def require_change(self, alias: str) -> None:
        """PermissionDenied unless the user may change the document, or make the first one."""
        self.require("change", document_of(alias))
        if stores.seen_now(storages[alias], CONFIG) == MISSING:
            self.require("add", document_of(alias))

    def may_change(self, alias: str) -> bool:
        return self.may("change", document_of(alias))

    # The frame

    def page(
        self, template: str, title: str, status: int = 200, **context: Any
    ) -> TemplateResponse:
        """A page with the links that all have."""
        links = {
            f"{page}_url": page_url(page, self.site)
            for page in ("add", "import", "export", "backups")
        }
        about = {
            # The model has no app to take its title from.
            "opts": models.Entry._meta,
            "servers_url": page_url("changelist", self.site),
            "server_links": links,
        }
        name = template if template == "problem" else f"servers/{template}"
        page = super().page(name, title, status, **{**about, **context})
        page.headers["Cache-Control"] = "no-store"
        return page

    def list_url(self, alias: str = "") -> str:
        """The list that the user came from, or that of the storage."""
        url = page_url("changelist", self.site)
        if filters := self.request.GET.get(FILTERS):
            return f"{url}?{filters}"
        return f"{url}?{urlencode({'alias': alias})}" if alias else url

    def note(self, alias: str, text: str) -> None:
        """Put it into the admin's log of actions, at the document's entry."""
        self.model_admin.log_change(self.request, logged_entry(document_of(alias)), text)

    def advise(self, server: Server) -> None:
        """Tell of literal secrets."""
        for one in advice(server.config.to_dict()):
            self.say(f"{server.name}: {one}.", WARNING)


class ServerPage(ServersView):
    """A page about one server."""

    address: ServerAddress
    engine: Engine

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Find the server that the URL means."""
        super().setup(request, *args, **kwargs)
        self.address = ServerAddress.of(kwargs["object_id"])
        self.engine = engine_of(self.address.alias)

    def list_url(self, alias: str = "") -> str:
        """That of the server's storage."""
        return super().list_url(alias or self.address.alias)

    def found(self) -> tuple[Document, Server | None]:
        """The document, and the server if it is there."""
        document = self.engine.config()
        name = self.address.name
        return document, document.server(name) if name in document.servers else None

    def page(
        self, template: str, title: str, status: int = 200, **context: Any
    ) -> TemplateResponse:
        """A page with the links that belong to the server."""
        pages = ("change", "delete", "rename", "reveal")
        links = {f"{page}_url": self.address.url(page, self.site) for page in pages}
        document = document_of(self.address.alias)
        about = {
            "server_address": self.address,
            "document_url": document.url("change", self.site),
            "document_history_url": document.url("history", self.site),
            **links,
        }
        return super().page(template, title, status, **{**about, **context})


def engine_of(alias: str) -> Engine:
    """The engine of a storage."""
    return Engine(storage=storages[alias])


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
