"""The permission policy of the app as a DRF permission class."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from .. import permissions
from ..permissions import Action

#: the actions that a request may turn out to be; the view checks the one that it performs
_ACTIONS: dict[str, tuple[Action, ...]] = {
    "GET": ("view",),
    "HEAD": ("view",),
    "OPTIONS": ("view", "add", "change", "delete"),
    "PUT": ("add", "change"),
    "PATCH": ("change",),
    "DELETE": ("delete",),
    "POST": ("view", "add", "change", "delete"),
}


class StoragePermission(BasePermission):
    """Admit users that have permission for at least one of the actions that a request may be."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if view.alias is None or request.method not in _ACTIONS:
            return True
        if request.method == "POST" and permissions.may_by_key() and view.user.is_authenticated:
            # The keys of a commit are in its body: the view checks each of them.
            return True
        return any(
            permissions.may(view.user, action, view.alias, view.target)
            for action in _ACTIONS[request.method]
        )
