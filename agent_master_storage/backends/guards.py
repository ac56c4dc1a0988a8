"""The checks that stand before the five methods of an adapter without revisions.

Put there by BaseStorage when the class is made, so that an adapter of a page can't forget
them: a bad key, value or handler never reaches it, a condition is refused instead of ignored.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..exceptions import NotSupported
from ..keys import check_key, check_prefix, check_value
from ..types import Keys, Unsubscribe, WatchHandler

if TYPE_CHECKING:
    from .base import BaseStorage


def _refuse_condition(storage: BaseStorage, if_revision: int | None) -> None:
    if if_revision is not None:
        raise NotSupported(f"{storage!r} keeps no revisions: if_revision can't be honoured")


def guard_read(method: Callable[..., bytes]) -> Callable[..., bytes]:
    @functools.wraps(method)
    def read(self: BaseStorage, key: str) -> bytes:
        return method(self, check_key(key))

    return read


def guard_write(method: Callable[..., int | None]) -> Callable[..., int | None]:
    @functools.wraps(method)
    def write(
        self: BaseStorage, key: str, data: bytes, *, if_revision: int | None = None
    ) -> int | None:
        _refuse_condition(self, if_revision)
        return method(self, check_key(key), check_value(data, self.max_value_size))

    return write


def guard_delete(method: Callable[..., int | None]) -> Callable[..., int | None]:
    @functools.wraps(method)
    def delete(self: BaseStorage, key: str, *, if_revision: int | None = None) -> int | None:
        _refuse_condition(self, if_revision)
        return method(self, check_key(key))

    return delete


def guard_list(method: Callable[..., Keys]) -> Callable[..., Keys]:
    @functools.wraps(method)
    def list_keys(self: BaseStorage, prefix: str = "") -> Keys:
        return method(self, check_prefix(prefix))

    return list_keys


def check_handler(handler: WatchHandler) -> WatchHandler:
    """Return ``handler``, or raise TypeError: a coroutine would be made and never run."""
    if not callable(handler):
        raise TypeError(f"a handler must be callable, not {handler!r}")
    if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__):
        raise TypeError(f"a handler is called in a thread: use achanges() instead of {handler!r}")
    return handler


def guard_watch(method: Callable[..., Unsubscribe]) -> Callable[..., Unsubscribe]:
    @functools.wraps(method)
    def watch(self: BaseStorage, key: str, handler: WatchHandler) -> Unsubscribe:
        return method(self, check_key(key), check_handler(handler))

    return watch


GUARDS: dict[str, Callable[[Any], Any]] = {
    "read": guard_read,
    "write": guard_write,
    "delete": guard_delete,
    "list": guard_list,
    "watch": guard_watch,
}
