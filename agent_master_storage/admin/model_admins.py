"""The ModelAdmins: where Django's admin meets the pages.

Entry and Change lend their names to URLs, permissions and the log of actions. Every page is
built on the storages, so that an alias without a model is edited like any other.
"""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from django.contrib import admin
from django.db import connections, models, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.views.generic import RedirectView

from . import views
from .permissions import may_somewhere

Extra = dict[str, Any] | None

#: the address of one object
ONE = "<path:object_id>/"


class StorageAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What all have in common. A subclass says its pages, and who may."""

    #: by the page's name: its address below that of the model, and what answers there
    pages: ClassVar[dict[str, tuple[str, type[views.StorageView]]]] = {}

    def get_urls(self) -> list[Any]:
        """The names that Django's admin gives, and some of our own."""
        found = [self.route(pattern, page) for page, (pattern, _) in self.pages.items()]
        return [*found, self.to_change()]

    def route(self, pattern: str, page: str) -> URLPattern:
        """A URL of the admin, outside of any transaction.

        A write must be committed, and told to watchers, when the page says that it is.
        """
        # Those that every ModelAdmin has may be overridden in a project.
        view = getattr(self, f"{page}_view", partial(self.answer, page))
        guarded = self.admin_site.admin_view(view)
        for using in connections:
            guarded = transaction.non_atomic_requests(using=using)(guarded)
        return path(pattern, guarded, name=self._named(page))

    def to_change(self) -> URLPattern:
        """The bare address of an object leads to its page, as in all of the admin."""
        name = f"{self.admin_site.name}:{self._named('change')}"
        view = RedirectView.as_view(pattern_name=name)
        return path(ONE, self.admin_site.admin_view(view))

    def answer(
        self, page: str, request: HttpRequest, extra_context: Extra = None, **kwargs: str
    ) -> HttpResponseBase:
        """Let a page answer."""
        view = self.pages[page][1].as_view(model_admin=self, extra_context=extra_context)
        return view(request, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: Extra = None) -> Any:
        """The list."""
        return self.answer("changelist", request, extra_context)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Extra = None
    ) -> Any:
        """A new one."""
        return self.answer("add", request, extra_context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Extra = None
    ) -> Any:
        """One of them."""
        return self.answer("change", request, extra_context, object_id=object_id)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Extra = None) -> Any:
        """The question before one is deleted."""
        return self.answer("delete", request, extra_context, object_id=object_id)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Extra = None
    ) -> Any:
        """The changes of one."""
        return self.answer("history", request, extra_context, object_id=object_id)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the app is in the menus."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whether there is anything to be seen; each page asks for its own key."""
        return may_somewhere(request.user, "view")

    def _named(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"


class EntryAdmin(StorageAdmin):
    """Entries: list, add, edit, delete, and the history of each."""

    pages: ClassVar = {
        "changelist": ("", views.ListView),
        "add": ("add/", views.AddView),
        "history": (f"{ONE}history/", views.HistoryView),
        "delete": (f"{ONE}delete/", views.DeleteView),
        "change": (f"{ONE}change/", views.EditView),
        "download": (f"{ONE}download/", views.DownloadView),
        "restore": (f"{ONE}restore/", views.RestoreView),
    }

    def has_add_permission(self, request: HttpRequest) -> bool:
        """See has_view_permission()."""
        return may_somewhere(request.user, "add")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """See has_view_permission()."""
        return may_somewhere(request.user, "change")

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """See has_view_permission()."""
        return may_somewhere(request.user, "delete")


class ChangeAdmin(StorageAdmin):
    """The change log and the diff of a change: nobody edits it."""

    pages: ClassVar = {
        "changelist": ("", views.ChangesView),
        "change": (f"{ONE}change/", views.DiffView),
    }

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: a change is made by writing."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Never: the log is the truth."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Never: see ``storage.compact()``."""
        return False
