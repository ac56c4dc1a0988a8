"""What all pages share: who asks, the frame around a page, and errors that are pages."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.generic import View

from ... import models
from ... import permissions as access
from ...actor import actor
from ...backends.base import BaseStorage
from ...exceptions import (
    InvalidKey,
    InvalidValue,
    NotSupported,
    RevisionCompacted,
    StorageError,
    StorageUnavailable,
    WrongType,
)
from ...handler import storages
from ..addresses import EntryAddress, add_url, list_url

#: the list's query, carried along as Django's admin does
FILTERS = "_changelist_filters"


class StorageView(View):
    """A page of the admin. Whoever gets here is staff: admin_view() has looked."""

    # Set by as_view(); its admin site is the one that the links lead to.
    model_admin: ModelAdmin[Any] = None  # type: ignore[assignment]
    extra_context: ClassVar[dict[str, Any] | None] = None
    #: the folder of the templates that page() takes
    templates: ClassVar[str] = "admin/agent_master_storage"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer under the user's name; what a storage cannot do becomes a page."""
        request.current_app = self.site
        try:
            with actor(access.actor_name(request.user)):
                return super().dispatch(request, *args, **kwargs)
        except WrongType as error:
            return self.problem("This is no entry", error, 409)
        except StorageUnavailable as error:
            return self.problem("The storage can't be reached", error, 503)
        except RevisionCompacted as error:
            return self.problem("No longer in the change log", error, 410)
        except NotSupported as error:
            return self.problem("This storage can't do that", error, 501)
        except (InvalidKey, InvalidValue) as error:
            return self.problem("This was refused", error, 400)

    # Who may

    def may(self, action: access.Action, address: EntryAddress) -> bool:
        """Whether the user may do ``action`` on that key."""
        return access.may(self.request.user, action, address.alias, address.key)

    def require(self, action: access.Action, address: EntryAddress) -> None:
        """PermissionDenied unless the user may."""
        if not self.may(action, address):
            raise PermissionDenied(f"you may not {action} this")

    # Pages

    @property
    def site(self) -> str:
        """The admin site's name, under which URLs are looked up."""
        return str(self.model_admin.admin_site.name)

    def page(
        self, template: str, title: str, status: int = 200, **context: Any
    ) -> TemplateResponse:
        """A page in the admin's frame."""
        frame = {
            **self.model_admin.admin_site.each_context(self.request),
            "opts": self.model_admin.opts,
            "title": title,
            "entries_url": list_url("entry", self.site),
            "changes_url": list_url("change", self.site),
            "add_url": add_url(self.site),
        }
        name = template if "/" in template else f"{self.templates}/{template}.html"
        everything = {**frame, **context, **(self.extra_context or {})}
        return TemplateResponse(self.request, name, everything, status=status)

    def back_url(self, alias: str) -> str:
        """The list that the user came from, or that of the storage; else where all begins."""
        if filters := self.request.GET.get(FILTERS):
            return f"{list_url('entry', self.site)}?{filters}"
        if access.may(self.request.user, "view", alias):
            return f"{list_url('entry', self.site)}?{urlencode({'alias': alias})}"
        return reverse("admin:index", current_app=self.site)

    def problem(self, title: str, error: StorageError, status: int) -> TemplateResponse:
        """A page that says what went wrong."""
        typed = self.request.method == "POST"
        return self.page(
            "admin/agent_master_storage/problem.html", title, status, detail=str(error), typed=typed
        )

    def go(self, url: str, text: str = "", level: int = messages.SUCCESS) -> HttpResponseRedirect:
        """Lead on to ``url``, where ``text`` is shown."""
        if text:
            self.say(text, level)
        return HttpResponseRedirect(url)

    def say(self, text: str, level: int = messages.SUCCESS) -> None:
        """Show ``text`` on the next page."""
        messages.add_message(self.request, level, text)


class EntryView(StorageView):
    """A page about one key."""

    address: EntryAddress
    storage: BaseStorage

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Find the key that the URL means."""
        super().setup(request, *args, **kwargs)
        self.address = EntryAddress.of(kwargs["object_id"])
        self.storage = storages[self.address.alias]

    def url(self, page: str) -> str:
        """The address of another page about the same key."""
        return self.address.url(page, self.site)

    def page(
        self, template: str, title: str, status: int = 200, **context: Any
    ) -> TemplateResponse:
        """A page with the links that belong to the key."""
        pages = ("change", "delete", "history", "download", "restore")
        links = {f"{page}_url": self.url(page) for page in pages}
        about = {
            "address": self.address,
            "has_history": self.storage.supports_resume,
            "has_revisions": self.storage.supports_revisions,
            **links,
        }
        return super().page(template, title, status, **{**about, **context})

    @property
    def logged_entry(self) -> models.Entry:
        """What the admin's log of actions takes: no row, but it has a name and an id."""
        return logged_entry(self.address)


def logged_entry(address: EntryAddress) -> models.Entry:
    """See EntryView.logged_entry."""
    entry = models.Entry(key=address.key)
    entry.pk = address.object_id
    return entry


def saved(key: str, revision: int | None) -> str:
    """What is said after a write."""
    return f"“{key}” was saved" + (f" as revision {revision}." if revision else ".")
