"""The engine's system checks."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import override_settings


@pytest.mark.parametrize("roots", ["/srv", [3], ["relative"], 3])
def test_roots_that_are_not_absolute_folders_are_an_error(roots: Any) -> None:
    with override_settings(AGENT_MASTER_STORAGE_DESTINATION_ROOTS=roots):
        found = [message.id for message in run_checks()]
    assert "agent_master_storage_engine.E001" in found


def test_absolute_roots_are_accepted() -> None:
    with override_settings(AGENT_MASTER_STORAGE_DESTINATION_ROOTS=["/srv", "~/mcp"]):
        found = [message.id for message in run_checks()]
    assert "agent_master_storage_engine.E001" not in found
