"""System checks of the engine.

``agent_master_storage_engine.E001``
    AGENT_MASTER_STORAGE_DESTINATION_ROOTS is not a list of absolute directories
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from .destinations.files import allowed_roots


@register()
def check_roots(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Validate the setting; the directories need not exist."""
    try:
        allowed_roots()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="agent_master_storage_engine.E001")]
    return []
