"""What the rule of ``access`` means for the admin's lists and menus."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied

from .. import permissions as access
from ..handler import storages


def visible(user: Any, prefix: str = "") -> list[str]:
    """The aliases in which the user may view the keys under ``prefix``.

    PermissionDenied when there are none, and no other prefix could make a difference.
    """
    found = [alias for alias in storages if access.may(user, "view", alias, prefix)]
    if not found and not access.may_by_key():
        raise PermissionDenied("you may not view any storage")
    return found


def may_somewhere(user: Any, action: access.Action) -> bool:
    """Whether the menus offer ``action``.

    A rule that tells keys apart can't be asked for all of them; the pages ask it for theirs.
    """
    if not (user.is_active and user.is_staff):
        return False
    return access.may_by_key() or any(access.may(user, action, alias) for alias in storages)


def may_in_any_storage(user: Any, action: access.Action, key: str) -> bool:
    """Return whether the user may perform ``action`` on ``key`` of at least one storage."""
    if not (user.is_active and user.is_staff):
        return False
    return any(access.may(user, action, alias, key) for alias in storages)
