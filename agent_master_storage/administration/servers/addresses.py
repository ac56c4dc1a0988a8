"""Which server an admin URL means: ``<alias>/<name>``, quoted as the admin quotes ids."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.admin.utils import quote, unquote
from django.urls import reverse

from ...engine.keys import CONFIG
from ..addresses import EntryAddress, known_alias


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """One server of one storage."""

    alias: str
    name: str

    @classmethod
    def of(cls, object_id: str) -> ServerAddress:
        """The server that the id in a URL means; Http404 for an unknown storage."""
        alias, _, name = unquote(object_id).partition("/")
        return cls(known_alias(alias), name)

    @property
    def quoted(self) -> str:
        """The id as it stands in URLs."""
        return str(quote(f"{self.alias}/{self.name}"))

    @property
    def document(self) -> EntryAddress:
        """The entry that it is a part of."""
        return document_of(self.alias)

    def url(self, page: str, site: str = "admin") -> str:
        """The address of ``page``: change, delete, rename or reveal."""
        return page_url(page, site, self.quoted)


def document_of(alias: str) -> EntryAddress:
    """The entry that the document of a storage is."""
    return EntryAddress(alias, CONFIG)


def page_url(page: str, site: str = "admin", *args: str) -> str:
    """The address of a page: changelist, add, import, export, backups or backups_restore."""
    return reverse(f"admin:agent_master_storage_mcpserver_{page}", args=args, current_app=site)
