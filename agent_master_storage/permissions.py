"""Who may do what: one rule for REST, websockets, event streams and the admin.

The setting AGENT_MASTER_STORAGE_PERMISSION names a callable ``(user, action, alias, key) ->
bool``, where ``action`` is ``view``, ``add``, ``change`` or ``delete`` and ``key`` is a key, or
the prefix of a listing or watch ("" for the whole storage). Without the setting, Django's
permissions on ``Entry`` decide, and nothing is open to anonymous visitors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from .actor import MAX_ACTOR_LENGTH

SETTING = "AGENT_MASTER_STORAGE_PERMISSION"

Action: TypeAlias = Literal["view", "add", "change", "delete"]
Rule: TypeAlias = Callable[[Any, Action, str, str], bool]


def model_permissions(user: Any, action: Action, alias: str, key: str) -> bool:
    """The default rule: ``agent_master_storage.<action>_entry``, for every alias and key."""
    return bool(user.is_active and user.has_perm(f"agent_master_storage.{action}_entry"))


def rule() -> Rule:
    """The rule in force; ImproperlyConfigured when the setting names none."""
    path = getattr(settings, SETTING, None)
    if path is None:
        return model_permissions
    try:
        found = import_string(path) if isinstance(path, str) else path
    except ImportError as error:
        raise ImproperlyConfigured(f"{SETTING} can't be imported: {error}") from error
    if not callable(found):
        raise ImproperlyConfigured(f"{SETTING} must name a callable, not {found!r}")
    allowed: Rule = found
    return allowed


def may(user: Any, action: Action, alias: str, key: str = "") -> bool:
    """Whether ``user`` may do ``action`` on ``key`` of the storage ``alias``."""
    return bool(rule()(user, action, alias, key))


def may_by_key() -> bool:
    """Whether the rule in force may tell keys apart: then who may not all may still some."""
    return rule() is not model_permissions


def actor_name(user: Any) -> str:
    """The name under which a user's changes are logged; empty for an anonymous one."""
    if not getattr(user, "is_authenticated", False):
        return ""
    name = str(user.get_username())
    return "".join(c if c.isprintable() else "?" for c in name)[:MAX_ACTOR_LENGTH]
