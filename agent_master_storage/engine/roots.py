"""The folders that files of destinations are confined to."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

#: setting: the folders that files of destinations may be in; all, where it is not set
ROOTS = "AGENT_MASTER_STORAGE_DESTINATION_ROOTS"


def allowed_roots() -> list[Path] | None:
    """The folders of the setting, None for all; ImproperlyConfigured."""
    found = getattr(settings, ROOTS, None)
    if found is None:
        return None
    if not isinstance(found, list | tuple) or not all(isinstance(one, str | Path) for one in found):
        raise ImproperlyConfigured(f"{ROOTS} must be a list of folders")
    roots = [Path(one).expanduser() for one in found]
    if not all(root.is_absolute() for root in roots):
        raise ImproperlyConfigured(f"{ROOTS}: each folder is absolute, or begins with ~/")
    return [root.resolve() for root in roots]


def check_root(path: Path) -> None:
    """PermissionError for a file that is in none of them, also after following links."""
    roots = allowed_roots()
    real = path.resolve()
    if roots is not None and not any(real.is_relative_to(root) for root in roots):
        raise PermissionError(f"{path} is in none of the folders of {ROOTS}")
