"""Rules for AGENT_MASTER_STORAGE_PERMISSION, as a project might write them."""

from __future__ import annotations

from typing import Any


def own_keys(user: Any, action: str, alias: str, key: str) -> bool:
    """Everybody has the keys under the own name; all may look at what is public."""
    if action == "view" and key.startswith("public:"):
        return True
    return bool(user.is_authenticated and key.startswith(f"{user.get_username()}:"))


def everybody(user: Any, action: str, alias: str, key: str) -> bool:
    """Open to the world."""
    return True


def broken(user: Any, action: str, alias: str, key: str) -> bool:
    """One that has a bug."""
    raise LookupError("the rule's own secret")


def one_storage(user: Any, action: str, alias: str, key: str) -> bool:
    """Only one of the storages may be seen."""
    return alias == "memory"
