"""Adapters with bugs."""

from __future__ import annotations

from typing import Any

from agent_master_storage.backends.base import BaseStorage
from agent_master_storage.backends.memory import MemoryStorage

SECRET = "the password is swordfish"


class BrokenStorage(BaseStorage):
    """An adapter whose five methods raise."""

    def read(self, key: str) -> bytes:
        raise LookupError(SECRET)

    def write(self, key: str, data: bytes, *, if_revision: int | None = None) -> None:
        raise LookupError(SECRET)

    def delete(self, key: str, *, if_revision: int | None = None) -> None:
        raise LookupError(SECRET)

    def list(self, prefix: str = "") -> list[str]:
        raise LookupError(SECRET)


class BrokenLog(MemoryStorage):
    """An adapter whose log raises when it is read."""

    def read_log(self, *args: Any, **kwargs: Any) -> Any:
        raise LookupError(SECRET)


class BrokenState(MemoryStorage):
    """An adapter whose state raises."""

    def _state(self) -> Any:
        raise LookupError(SECRET)
