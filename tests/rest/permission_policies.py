"""Permission policies for AGENT_MASTER_STORAGE_PERMISSION, as a project might write them."""

from __future__ import annotations

from typing import Any


def own_keys(user: Any, action: str, alias: str, key: str) -> bool:
    """Allow users the keys under their own name, and everyone to view public keys."""
    if action == "view" and key.startswith("public:"):
        return True
    return bool(user.is_authenticated and key.startswith(f"{user.get_username()}:"))


def everybody(user: Any, action: str, alias: str, key: str) -> bool:
    """Allow everything."""
    return True


def broken(user: Any, action: str, alias: str, key: str) -> bool:
    """Raise an exception."""
    raise LookupError("the policy's own secret")


def one_storage(user: Any, action: str, alias: str, key: str) -> bool:
    """Allow one storage only."""
    return alias == "memory"
