"""Parts of the engine's document, servers and destinations, as the admin knows objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from django.apps.registry import Apps
from django.contrib.admin.utils import quote, unquote
from django.db import models
from django.urls import reverse

from ...admin.addresses import EntryAddress, known_alias
from ..keys import CONFIG


class Part(models.Model):
    """A model without a table, which lends a name to menus and URLs. Never loaded, never saved.

    In a registry of its own, as Django's own table of migrations: so it has neither migrations
    nor permissions nor a content type.
    """

    name = models.CharField(max_length=256, primary_key=True)

    class Meta:
        abstract = True
        apps = Apps()
        app_label = "agent_master_storage_engine"
        managed = False
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.name)


class McpServer(Part):
    """A server."""

    class Meta(Part.Meta):
        verbose_name = "MCP server"


class McpDestination(Part):
    """A destination."""

    class Meta(Part.Meta):
        verbose_name = "MCP destination"


@dataclass(frozen=True, slots=True)
class PartAddress:
    """Which one an admin URL means: ``<alias>/<name>``, quoted as the admin quotes ids."""

    #: the model's name in URLs
    model: ClassVar[str]

    alias: str
    name: str

    @classmethod
    def of(cls, object_id: str) -> Self:
        """The part that the id in a URL means; Http404 for an unknown storage."""
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
        """The address of one of its pages, as change or delete."""
        return self.page_url(page, site, self.quoted)

    @classmethod
    def page_url(cls, page: str, site: str = "admin", *args: str) -> str:
        """The address of a page about all of them, as changelist or add."""
        name = f"admin:agent_master_storage_engine_{cls.model}_{page}"
        return reverse(name, args=args, current_app=site)


class ServerAddress(PartAddress):
    """One server of one storage."""

    model = "mcpserver"


class DestinationAddress(PartAddress):
    """One destination of one storage."""

    model = "mcpdestination"


def document_of(alias: str) -> EntryAddress:
    """The entry that the document of a storage is."""
    return EntryAddress(alias, CONFIG)
