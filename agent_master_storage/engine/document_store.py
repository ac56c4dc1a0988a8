"""Reading the document of one storage, and changing it without losing concurrent updates.

A change is read, modify, compare-and-set: the document is written only if its entry is still at
the revision that was read; otherwise the whole change is repeated. When several threads,
processes or a Go engine change the document at the same time, no update is lost.
"""

from __future__ import annotations

import copy
import functools
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

from asgiref.sync import sync_to_async

from ..backends.base import BaseStorage
from ..backoff import Backoff
from ..exceptions import KeyNotFound, NotSupported, RevisionConflict
from ..handler import storage as default_storage
from ..types import Operation, Write
from . import keys
from .document import Document
from .exceptions import DocumentChanged

#: seconds for which a change is retried after conflicts, before RevisionConflict is raised
RETRY_SECONDS = 60.0

#: the shortest and the longest delay after a conflict, in seconds
RETRY_DELAYS = (0.002, 0.25)

T = TypeVar("T")
S = TypeVar("S")
P = ParamSpec("P")


def async_twin(
    method: Callable[Concatenate[S, P], T],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Return the async version of a method, whose name is that of the method after an ``a``.

    It runs the whole method in asgiref's thread. That is one thread switch per call, however often
    the method accesses the storage or a file.
    """

    @functools.wraps(method)
    async def run(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        # Looked up by name, so that the twin of an overridden method is the override's.
        bound = getattr(self, method.__name__)
        return cast(T, await sync_to_async(bound)(*args, **kwargs))

    run.__name__ = f"a{method.__name__}"
    run.__qualname__ = f"{method.__qualname__.rpartition('.')[0]}.{run.__name__}".lstrip(".")
    run.__doc__ = f"See {method.__name__}()."
    return run


class DocumentStore:
    """The document of one storage.

    Args:
        storage: Any adapter. Changes require one that supports revisions.
    """

    def __init__(self, storage: BaseStorage = default_storage) -> None:
        self.storage = storage
        self._required_revision: int | None = None

    def at(self, revision: int) -> Self:
        """Return a copy that changes the document only if it is at the given revision.

        Use it for one change: that change creates a new revision, so the next one would fail.

        Args:
            revision: The expected revision of the document; 0 means that it must not exist.

        Raises:
            DocumentChanged: By each change, if the document is at another revision.
        """
        other = copy.copy(self)
        other._required_revision = revision
        return other

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {self.storage!r}>"

    def config(self) -> Document:
        """Return a copy of the whole document, or a new document if none is stored.

        Raises:
            InvalidDocument: If the stored value is not a document of the engine.
        """
        try:
            return Document.parse(self.storage.read(keys.CONFIG))
        except KeyNotFound:
            return Document.new()

    def change(self, edit: Callable[[Document], T]) -> T:
        """Apply ``edit`` to the document, store the result, and return what ``edit`` returned.

        Args:
            edit: Changes the document in place. After a conflicting write it is called again with
                a fresh document, so it should have no other effect. If it raises, nothing is
                stored. If it leaves the document as it was, nothing is written.

        Raises:
            NotSupported: If the storage does not support revisions.
            RevisionConflict: If conflicting writes did not cease for RETRY_SECONDS.
        """
        require_revisions(self.storage)

        def attempt() -> T:
            value, revision = read_stored(self)
            changed, result = _edited(value, edit)
            if changed is not None:
                self.storage.write(keys.CONFIG, changed, if_revision=revision)
            return result

        return retry_conflicts(attempt)

    aconfig = async_twin(config)
    achange = async_twin(change)


def read_stored(store: DocumentStore) -> tuple[bytes | None, int]:
    """Return value and revision of the document; None and 0 if there is none.

    Raises:
        DocumentChanged: If it is not at the revision that was given to ``at()``.
    """
    value: bytes | None
    try:
        entry = store.storage.entry(keys.CONFIG)
        value, revision = entry.value, entry.revision
    except KeyNotFound:
        value, revision = None, 0
    if store._required_revision not in (None, revision):
        raise DocumentChanged(revision)
    return value, revision


def require_revisions(storage: BaseStorage) -> None:
    """Raise NotSupported if concurrent changes on this storage could overwrite each other."""
    if not storage.supports_revisions:
        raise NotSupported(
            f"the engine makes no changes on {storage!r}: it does not support revisions, "
            "so one of two concurrent changes would be lost"
        )


def commit(storage: BaseStorage, operations: list[Operation]) -> None:
    """Apply the operations in one commit, or one by one if the storage has no commit()."""
    if storage.supports_commit:
        storage.commit(operations)
        return
    for operation in operations:
        if isinstance(operation, Write):
            storage.write(operation.key, operation.data, if_revision=operation.if_revision)
        else:
            storage.delete(operation.key)


def retry_conflicts(
    attempt: Callable[[], T], *conflicts: type[Exception], seconds: float | None = None
) -> T:
    """Call ``attempt`` until it raises none of ``conflicts``, and return its result.

    Args:
        attempt: What to call.
        conflicts: The exceptions after which it is called again; RevisionConflict by default.
        seconds: For how long it is repeated before the exception is raised; RETRY_SECONDS by
            default.
    """
    expected = conflicts or (RevisionConflict,)
    deadline = time.monotonic() + (RETRY_SECONDS if seconds is None else seconds)
    # Fully random, so that callers that have met once do not meet again.
    backoff = Backoff(*RETRY_DELAYS, jitter=1.0)
    while True:
        try:
            return attempt()
        except expected:
            if time.monotonic() > deadline:
                raise
        time.sleep(backoff.next())


def _edited(value: bytes | None, edit: Callable[[Document], T]) -> tuple[bytes | None, T]:
    """Return the bytes to write, or None if nothing changed, and the result of ``edit``."""
    document = Document.new() if value is None else Document.parse(value)
    result = edit(document)
    # Compared with json.loads(): parse() above has checked the value already.
    same = value is not None and Document(json.loads(value)).data == document.data
    return (None if same else document.dump()), result
