"""What all pages about the engine's document share: the engine, who may, and the frame."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib.messages import WARNING
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from ... import models
from ... import permissions as access
from ...admin import stores
from ...admin.stores import MISSING
from ...admin.views.base import FILTERS, StorageView, logged_entry
from ...exceptions import InvalidValue
from ...handler import storages
from .. import Engine
from ..exceptions import EngineError
from ..keys import CONFIG
from .parts import DestinationAddress, PartAddress, ServerAddress, document_of


class DocumentView(StorageView):
    """A page about parts of a document, which a subclass names."""

    #: what its addresses are
    part: ClassVar[type[PartAddress]]
    #: where its templates are
    folder: ClassVar[str]
    #: pages about all parts that every page links to
    linked: ClassVar[tuple[str, ...]] = ("add",)
    #: errors that lead back to the list
    gone: ClassVar[tuple[type[EngineError], ...]] = ()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """What is gone leads back to the list, what the engine refuses becomes a page."""
        try:
            answer = super().dispatch(request, *args, **kwargs)
            if isinstance(answer, TemplateResponse):
                answer.render()
        except self.gone as error:
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
            raise PermissionDenied(f"you may not {action} the {self.folder} of any storage")
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
        about = {
            # The models have no app to take its title from.
            "opts": models.Entry._meta,
            "servers_url": ServerAddress.page_url("changelist", self.site),
            "destinations_url": DestinationAddress.page_url("changelist", self.site),
            "links": {f"{page}_url": self.part.page_url(page, self.site) for page in self.linked},
        }
        name = template
        if "/" not in template:
            name = f"admin/agent_master_storage_engine/{self.folder}/{template}.html"
        page = super().page(name, title, status, **{**about, **context})
        page.headers["Cache-Control"] = "no-store"
        return page

    def list_url(self, alias: str = "") -> str:
        """The list that the user came from, or that of the storage."""
        url = self.part.page_url("changelist", self.site)
        if filters := self.request.GET.get(FILTERS):
            return f"{url}?{filters}"
        return f"{url}?{urlencode({'alias': alias})}" if alias else url

    def note(self, alias: str, text: str) -> None:
        """Put it into the admin's log of actions, at the document's entry."""
        self.model_admin.log_change(self.request, logged_entry(document_of(alias)), text)


class PartView(DocumentView):
    """A page about one part."""

    #: pages about it that its pages link to
    own_pages: ClassVar[tuple[str, ...]]

    address: PartAddress
    engine: Engine

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Find the part that the URL means."""
        super().setup(request, *args, **kwargs)
        self.address = self.part.of(kwargs["object_id"])
        self.engine = engine_of(self.address.alias)

    def list_url(self, alias: str = "") -> str:
        """That of the part's storage."""
        return super().list_url(alias or self.address.alias)

    def page(
        self, template: str, title: str, status: int = 200, **context: Any
    ) -> TemplateResponse:
        """A page with the links that belong to the part."""
        about = {
            "part_address": self.address,
            "document_url": self.address.document.url("change", self.site),
            "document_history_url": self.address.document.url("history", self.site),
            **{f"{page}_url": self.address.url(page, self.site) for page in self.own_pages},
        }
        return super().page(template, title, status, **{**about, **context})


def engine_of(alias: str) -> Engine:
    """The engine of a storage."""
    return Engine(storage=storages[alias])
