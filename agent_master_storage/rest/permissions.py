"""The app's one rule (``access.py``) as a DRF permission."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from .. import permissions
from ..permissions import Action

#: what a method may turn out to be; which of them it was is decided where it is done
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
    """Lets in who may do at least one thing that the request may turn out to be."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if view.alias is None or request.method not in _ACTIONS:
            return True
        if request.method == "POST" and permissions.may_by_key() and view.user.is_authenticated:
            # A commit names its keys in its body; each is asked for then.
            return True
        return any(
            permissions.may(view.user, action, view.alias, view.target)
            for action in _ACTIONS[request.method]
        )
