"""The configuration of the engine's app."""

from __future__ import annotations

from django.apps import AppConfig


class AgentMasterStorageEngineConfig(AppConfig):
    name = "agent_master_storage.engine"
    label = "agent_master_storage_engine"
    verbose_name = "MCP servers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401
