"""The backups of a document: list, make, restore."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.messages import WARNING
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .....admin import stores
from .....admin.addresses import EntryAddress, known_alias
from .....admin.diffs import compare
from .....handler import storages
from .... import Document, keys
from ....exceptions import DocumentChanged, InvalidDocument
from ....keys import CONFIG
from ....secrets import mask_both
from ...parts import ServerAddress, document_of
from ..dialogs import BackupForm
from .base import ServersView, as_content, engine_of


class BackupsView(ServersView):
    """GET lists, POST makes one."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """The backups of ``?alias=``."""
        return self.show(None)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Keep the document as it stands."""
        form = BackupForm(request.POST, aliases=self.aliases("change"))
        if not form.is_valid():
            return self.show(form)
        alias = form.cleaned_data["alias"]
        self.require_change(alias)
        backup = engine_of(alias).create_backup(form.cleaned_data["description"])
        self.note(alias, f"Made the backup {backup.id} of the MCP servers.")
        return self.go(_list_url(self.site, alias), f"The backup {backup.id} was made.")

    def show(self, form: BackupForm | None) -> HttpResponseBase:
        """The page."""
        aliases = self.aliases("view")
        alias = self.request.GET.get("alias", "") or aliases[0]
        self.require("view", document_of(known_alias(alias)))
        may_change = self.may_change(alias)
        if form is None and may_change:
            form = BackupForm(aliases=[alias], initial={"alias": alias})
        rows = [
            (backup, EntryAddress(alias, keys.backup(backup.id)).url("change", self.site))
            for backup in engine_of(alias).list_backups()
        ]
        return self.page(
            "backups",
            f"Backups of the MCP servers in {alias}",
            form=form,
            rows=rows,
            alias=alias,
            aliases=aliases,
            may_change=may_change,
            restore_url=ServerAddress.page_url("backups_restore", self.site),
        )


class RestoreView(ServersView):
    """GET asks with a comparison, POST restores over the version that was shown."""

    alias: str
    id: str

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Find the backup: ``alias`` and ``id``."""
        super().setup(request, *args, **kwargs)
        given = request.POST if request.method == "POST" else request.GET
        self.alias = known_alias(given.get("alias", ""))
        self.id = given.get("id", "")

    def list_url(self, alias: str = "") -> str:
        """Back to the backups."""
        return _list_url(self.site, self.alias)

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """The question."""
        self.require("view", document_of(self.alias))
        self.require_change(self.alias)
        seen = stores.seen_now(storages[self.alias], CONFIG)
        engine = engine_of(self.alias)
        kept = engine.get_backup(self.id)
        try:
            present: Document | None = engine.config()
        except InvalidDocument:
            # What can't be read is what a backup is for.
            present = None
        one, other = mask_both(present.data if present else {}, kept.data)
        return self.page(
            "restore",
            "Restore this backup?",
            id=self.id,
            alias=self.alias,
            diff=compare(as_content(one), as_content(other)),
            unreadable=present is None,
            seen=seen,
            back_url=self.list_url(),
        )

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """The answer."""
        self.require_change(self.alias)
        revision = stores.revision_of(request.POST.get("seen", ""))
        if revision is None:
            raise PermissionDenied("a restore is confirmed on its page")
        try:
            made = engine_of(self.alias).at(revision).restore_backup(self.id)
        except DocumentChanged:
            self.say("The document was changed meanwhile: look again.", WARNING)
            return self.get(request)
        self.note(self.alias, f"Restored the backup {self.id} of the MCP servers.")
        text = f"The backup {self.id} was restored. What it replaced is kept as {made.id}."
        return self.go(self.list_url(), text)


def _list_url(site: str, alias: str) -> str:
    return f"{ServerAddress.page_url('backups', site)}?{urlencode({'alias': alias})}"
