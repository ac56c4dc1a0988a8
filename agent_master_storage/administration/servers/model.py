"""A model without a table: it lends its name to the admin's menus and URLs."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import models


class McpServer(models.Model):
    """A server of a document. Never loaded and never saved.

    In a registry of its own, as Django's own table of migrations: so it has neither migrations
    nor permissions nor a content type.
    """

    name = models.CharField(max_length=256, primary_key=True)

    class Meta:
        apps = Apps()
        app_label = "agent_master_storage"
        managed = False
        default_permissions = ()
        verbose_name = "MCP server"

    def __str__(self) -> str:
        return str(self.name)
