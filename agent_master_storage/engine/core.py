"""What every verb of the engine stands on: reading the document, and changing it safely.

A change is read, change, compare-and-set: the document is written only if the entry still
stands at the revision that was read, and else all is done again. So of two that change it at
once, in threads, processes or a Go engine, neither loses what the other did.
"""

from __future__ import annotations

import copy
import functools
import json
import random
import time
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

from asgiref.sync import sync_to_async

from ..backends.base import BaseStorage
from ..exceptions import KeyNotFound, NotSupported, RevisionConflict
from ..handler import storage as default_storage
from ..types import Operation, Write
from . import keys
from .document import Document
from .exceptions import DocumentChanged

#: seconds that a change is tried again while others come first, before RevisionConflict
RETRY_SECONDS = 60.0

#: seconds to wait after a conflict: doubled from the first to the last, and a random part of it
BACKOFF = (0.002, 0.25)

T = TypeVar("T")
S = TypeVar("S")
P = ParamSpec("P")


def twin(
    function: Callable[Concatenate[S, P], T],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """The async twin of a method: the same method, in the thread that works for event loops.

    One hop a call, however often the method goes to the storage or to a file.
    """

    @functools.wraps(function)
    async def run(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        method = getattr(self, function.__name__)
        return cast(T, await sync_to_async(method)(*args, **kwargs))

    # "async" is no name in Python.
    run.__name__ = {"sync": "async_"}.get(function.__name__, f"a{function.__name__}")
    run.__qualname__ = f"{function.__qualname__.rpartition('.')[0]}.{run.__name__}"
    run.__doc__ = f"See {function.__name__}()."
    return run


class Core:
    """The document of one storage."""

    def __init__(self, storage: BaseStorage = default_storage) -> None:
        """``storage`` is any adapter; changes need one whose entries carry revisions."""
        self.storage = storage
        self._only_at: int | None = None

    def at(self, revision: int) -> Self:
        """The same engine, of which each change holds for that revision of the document alone.

        DocumentChanged when it stands at another; 0: when there is one. For one change: the
        next one would be at the revision that this one made.
        """
        other = copy.copy(self)
        other._only_at = revision
        return other

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {self.storage!r}>"

    def config(self) -> Document:
        """The whole document, a copy; the one to begin with where none is stored.

        InvalidDocument when something else is stored under its key.
        """
        try:
            return Document.parse(self.storage.read(keys.CONFIG))
        except KeyNotFound:
            return Document.new()

    def change(self, edit: Callable[[Document], T]) -> T:
        """Store what ``edit`` makes of the document, and return what it returns.

        ``edit`` is called again with a fresh document for as long as others come first, so it
        should do nothing but edit. What it raises is raised, and nothing is stored. A document
        that it leaves as it was is not written. NotSupported on a storage without revisions.
        """
        self._need_revisions()

        def attempt() -> T:
            value, revision = self._stands(keys.CONFIG)
            changed, result = _edited(value, edit)
            if changed is not None:
                self.storage.write(keys.CONFIG, changed, if_revision=revision)
            return result

        return until_first(attempt)

    aconfig = twin(config)
    achange = twin(change)

    def _need_revisions(self) -> None:
        if not self.storage.supports_revisions:
            raise NotSupported(
                f"the engine makes no changes on {self.storage!r}: it keeps no revisions, "
                "so that one of two changes at once would be lost"
            )

    def _stands(self, key: str) -> tuple[bytes | None, int]:
        """Value and revision of a key; None and 0 when it is missing. See at()."""
        value: bytes | None
        try:
            entry = self.storage.entry(key)
            value, revision = entry.value, entry.revision
        except KeyNotFound:
            value, revision = None, 0
        if self._only_at not in (None, revision):
            raise DocumentChanged(revision)
        return value, revision

    def _commit(self, operations: list[Operation]) -> None:
        """All of ``operations`` at once, or one after another where the storage can't."""
        if self.storage.supports_commit:
            self.storage.commit(operations)
            return
        for operation in operations:
            if isinstance(operation, Write):
                self.storage.write(operation.key, operation.data, if_revision=operation.if_revision)
            else:
                self.storage.delete(operation.key)


def until_first(
    attempt: Callable[[], T], *conflicts: type[Exception], seconds: float | None = None
) -> T:
    """Call ``attempt`` until none of ``conflicts`` (RevisionConflict) comes out of it.

    For ``seconds`` (RETRY_SECONDS) at most, then it is raised.
    """
    awaited = conflicts or (RevisionConflict,)
    deadline = time.monotonic() + (RETRY_SECONDS if seconds is None else seconds)
    pause = BACKOFF[0]
    while True:
        try:
            return attempt()
        except awaited:
            if time.monotonic() > deadline:
                raise
        # Random, so that those who met here do not meet again.
        time.sleep(random.uniform(0, pause))
        pause = min(pause * 2, BACKOFF[1])


def _edited(value: bytes | None, edit: Callable[[Document], T]) -> tuple[bytes | None, T]:
    document = Document.new() if value is None else Document.parse(value)
    result = edit(document)
    # It was parsed above, so that the checks of parse() would find nothing.
    same = value is not None and Document(json.loads(value)).data == document.data
    return (None if same else document.dump()), result
