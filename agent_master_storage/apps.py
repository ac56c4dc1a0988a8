"""The app's configuration."""

from __future__ import annotations

from django.apps import AppConfig


class AgentMasterStorageConfig(AppConfig):
    name = "agent_master_storage"
    verbose_name = "Agent Master Storage"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401
        from .handler import storage_of
        from .models import Entry

        Entry.storage_of = staticmethod(storage_of)
