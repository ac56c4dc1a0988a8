"""Adapters that fail, each in its way."""

from __future__ import annotations

from typing import Any

from agent_master_storage.backends.base import BaseStorage
from agent_master_storage.backends.memory import MemoryStorage

SECRET = "the password is swordfish"


class BrokenStorage(BaseStorage):
    """The five methods, each with a bug."""

    def read(self, key: str) -> bytes:
        raise LookupError(SECRET)

    def write(self, key: str, data: bytes, *, if_revision: int | None = None) -> None:
        raise LookupError(SECRET)

    def delete(self, key: str, *, if_revision: int | None = None) -> None:
        raise LookupError(SECRET)

    def list(self, prefix: str = "") -> list[str]:
        raise LookupError(SECRET)


class BrokenLog(MemoryStorage):
    """One whose log can't be read, by a bug."""

    def read_log(self, *args: Any, **kwargs: Any) -> Any:
        raise LookupError(SECRET)


class BrokenState(MemoryStorage):
    """One that can't say where it stands, by a bug."""

    def _state(self) -> Any:
        raise LookupError(SECRET)
