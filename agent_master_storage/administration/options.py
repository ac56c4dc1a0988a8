"""The two ModelAdmins: where Django's admin meets the pages.

Entry and Change lend their names to URLs, permissions and the log of actions. Every page is
built on the storages, so that an alias without a model is edited like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db import connections, models, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.views.generic import RedirectView

from . import views
from .rights import may_somewhere

Page = Callable[..., HttpResponseBase]
Extra = dict[str, Any] | None


class StorageAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What both have in common."""

    def route(self, pattern: str, view: Page, page: str) -> URLPattern:
        """A URL of the admin, outside of any transaction.

        A write must be committed, and told to watchers, when the page says that it is.
        """
        guarded = self.admin_site.admin_view(view)
        for using in connections:
            guarded = transaction.non_atomic_requests(using=using)(guarded)
        name = f"{self.opts.app_label}_{self.opts.model_name}_{page}"
        return path(pattern, guarded, name=name)

    def to_change(self) -> URLPattern:
        """The bare address of an object leads to its page, as in all of the admin."""
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
        view = RedirectView.as_view(pattern_name=name)
        return path("<path:object_id>/", self.admin_site.admin_view(view))

    def answer(
        self, view: type[views.StorageView], request: HttpRequest, extra: Extra, **kwargs: str
    ) -> HttpResponseBase:
        """Let a page answer."""
        page = view.as_view(model_admin=self, extra_context=extra)
        return page(request, **kwargs)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the app is in the menus."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whether there is anything to be seen; each page asks for its own key."""
        return may_somewhere(request.user, "view")


class EntryAdmin(StorageAdmin):
    """Entries: list, add, edit, delete, and the history of each."""

    def get_urls(self) -> list[Any]:
        """The names that Django's admin gives, and two of our own."""
        one = "<path:object_id>/"
        return [
            self.route("", self.changelist_view, "changelist"),
            self.route("add/", self.add_view, "add"),
            self.route(f"{one}history/", self.history_view, "history"),
            self.route(f"{one}delete/", self.delete_view, "delete"),
            self.route(f"{one}change/", self.change_view, "change"),
            self.route(f"{one}download/", self.download_view, "download"),
            self.route(f"{one}restore/", self.restore_view, "restore"),
            self.to_change(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """See has_view_permission()."""
        return may_somewhere(request.user, "add")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """See has_view_permission()."""
        return may_somewhere(request.user, "change")

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """See has_view_permission()."""
        return may_somewhere(request.user, "delete")

    def changelist_view(self, request: HttpRequest, extra_context: Extra = None) -> Any:
        """The list."""
        return self.answer(views.ListView, request, extra_context)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Extra = None
    ) -> Any:
        """A new key."""
        return self.answer(views.AddView, request, extra_context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Extra = None
    ) -> Any:
        """A key."""
        return self.answer(views.EditView, request, extra_context, object_id=object_id)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Extra = None) -> Any:
        """The question before a key is deleted."""
        return self.answer(views.DeleteView, request, extra_context, object_id=object_id)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Extra = None
    ) -> Any:
        """The changes of a key."""
        return self.answer(views.HistoryView, request, extra_context, object_id=object_id)

    def download_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The bytes of a value."""
        return self.answer(views.DownloadView, request, None, object_id=object_id)

    def restore_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """An older value comes back."""
        return self.answer(views.RestoreView, request, None, object_id=object_id)


class ChangeAdmin(StorageAdmin):
    """The change log: nobody edits it."""

    def get_urls(self) -> list[Any]:
        """The log, and the diff of a change."""
        return [
            self.route("", self.changelist_view, "changelist"),
            self.route("<path:object_id>/change/", self.change_view, "change"),
            self.to_change(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: a change is made by writing."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Never: the log is the truth."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Never: see ``storage.compact()``."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Extra = None) -> Any:
        """The log."""
        return self.answer(views.ChangesView, request, extra_context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Extra = None
    ) -> Any:
        """What one change did."""
        return self.answer(views.DiffView, request, extra_context, object_id=object_id)
