"""Writes under HTTP preconditions and permissions.

A user who may only add entries, or only change them, must not be able to do the other by winning
a race. So if the permission or the precondition depends on the current entry, the entry is read
first, and the write is conditional on its revision. If the entry has changed in between, the
decision is made again from the start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rest_framework.exceptions import APIException

from .. import serialization
from ..backends.base import BaseStorage
from ..exceptions import (
    InvalidValue,
    KeyNotFound,
    NotSupported,
    RevisionConflict,
    StorageUnavailable,
)
from ..permissions import Action
from ..types import Delete, Entry, Operation, Write
from .etags import Precondition
from .exceptions import NotJson, PreconditionFailed

T = TypeVar("T")

#: how often a write is retried when concurrent writes change the entry first
ATTEMPTS = 50

#: returns whether the user has the permission for a key
IsAllowed = Callable[[Action, str], bool]
#: raises an error unless the user has it
Require = Callable[[Action, str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """The result of a write."""

    #: whether the key did not exist before
    new: bool
    #: None if the adapter does not support revisions
    entry: Entry | None = None


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Write to a storage on behalf of a user."""

    storage: BaseStorage
    allowed: IsAllowed
    require: Require

    # PUT

    def put(self, key: str, data: bytes, precondition: Precondition) -> Written:
        if not self.storage.supports_revisions:
            return self._put_plain(key, data, precondition)
        if self.allowed("add", key) and self.allowed("change", key):
            if not precondition and self.storage.supports_commit:
                return self._write(Write(key, data))
            if precondition.revision is not None:
                return self._write_at(Write(key, data, precondition.revision))
        return self._retry(lambda: self._try_put(key, data, precondition))

    def _try_put(self, key: str, data: bytes, precondition: Precondition) -> Written:
        current = self._current(key)
        self.require("change" if current else "add", key)
        precondition.check(current)
        return self._try_write(Write(key, data, current))

    def _put_plain(self, key: str, data: bytes, precondition: Precondition) -> Written:
        self._reject(precondition)
        new = not _exists(self.storage, key)
        self.require("add" if new else "change", key)
        self.storage.write(key, data)
        return Written(new=new)

    # PATCH

    def patch(self, key: str, patch: Any, precondition: Precondition) -> Written:
        """Apply a merge patch (RFC 7396) to the JSON document in the value."""
        self.require("change", key)
        # The response to an empty patch contains the document.
        self.require("view", key)
        if not self.storage.supports_revisions:
            raise NotSupported(f"{self.storage!r} does not support revisions, nor atomic patches")
        return self._retry(lambda: self._try_patch(key, patch, precondition))

    def _try_patch(self, key: str, patch: Any, precondition: Precondition) -> Written:
        entry = self._checked_entry(key, precondition)
        try:
            document = serialization.loads(entry.value)
        except InvalidValue as error:
            raise NotJson(f"the value of {key!r} is {error}") from error
        data = serialization.dumps(merge_patch(document, patch)).encode()
        return self._try_write(Write(key, data, entry.revision))

    def _checked_entry(self, key: str, precondition: Precondition) -> Entry:
        try:
            entry = self.storage.entry(key)
        except KeyNotFound:
            precondition.check(0)
            raise
        precondition.check(entry.revision)
        return entry

    # DELETE

    def delete(self, key: str, precondition: Precondition) -> None:
        self.require("delete", key)
        if not self.storage.supports_revisions:
            self._reject(precondition)
            self.storage.delete(key)
        elif not precondition:
            self.storage.delete(key)
        else:
            self._retry(lambda: self._try_delete(key, precondition))

    def _try_delete(self, key: str, precondition: Precondition) -> None:
        revision = self._checked_entry(key, precondition).revision
        try:
            self.storage.delete(key, if_revision=revision)
        except RevisionConflict as error:
            raise _Superseded from error

    # Commits

    def commit(self, operations: Sequence[Operation]) -> int:
        """Commit the operations and return the revision.

        The permission for each operation is checked. An error carries the index of its operation.
        """
        if not self.storage.supports_commit:
            raise NotSupported(f"{self.storage!r} does not support commits of several operations")
        if not operations:
            # The response contains the revision.
            self.require("view", "")
        undecided = {
            index: operation
            for index, operation in enumerate(operations)
            if _with_index(index, self._is_undecided, operation) and isinstance(operation, Write)
        }
        if not undecided:
            return self.storage.commit(operations)
        return self._retry(lambda: self._try_commit(operations, undecided))

    def _is_undecided(self, operation: Operation) -> bool:
        """Return whether the permission for a write depends on whether the entry exists.

        All other permissions are checked here.
        """
        if isinstance(operation, Delete):
            self.require("delete", operation.key)
            return False
        if not isinstance(operation, Write):
            self.require("view", operation.key)
            return False
        if operation.if_revision is not None:
            self.require("change" if operation.if_revision else "add", operation.key)
            return False
        allowed = (self.allowed("add", operation.key), self.allowed("change", operation.key))
        if not any(allowed):
            self.require("change", operation.key)
        return not all(allowed)

    def _try_commit(self, operations: Sequence[Operation], undecided: dict[int, Write]) -> int:
        decided = list(operations)
        for index, write in undecided.items():
            current = self._current(write.key)
            _with_index(index, self.require, "change" if current else "add", write.key)
            decided[index] = Write(write.key, write.data, current)
        try:
            return self.storage.commit(decided)
        except RevisionConflict as error:
            if error.index in undecided:
                raise _Superseded from error
            raise

    # Internal

    def _write(self, write: Write) -> Written:
        if self.storage.supports_commit:
            change = self.storage.transact([write])[0]
            return Written(new=not change.previous_revision, entry=change.to_entry())
        self.storage.write(write.key, write.data, if_revision=write.if_revision)
        return Written(new=not write.if_revision, entry=self.storage.entry(write.key))

    def _write_at(self, write: Write) -> Written:
        """Write under the client's own precondition."""
        try:
            return self._write(write)
        except RevisionConflict as error:
            raise PreconditionFailed(error.current) from error

    def _try_write(self, write: Write) -> Written:
        """Write under the revision that the decision was based on."""
        try:
            return self._write(write)
        except RevisionConflict as error:
            raise _Superseded from error

    def _retry(self, attempt: Callable[[], T]) -> T:
        for _ in range(ATTEMPTS):
            try:
                return attempt()
            except _Superseded:
                continue
        raise StorageUnavailable("too many concurrent writes; retry later")

    def _current(self, key: str) -> int:
        try:
            return self.storage.entry(key).revision
        except KeyNotFound:
            return 0

    def _reject(self, precondition: Precondition) -> None:
        if precondition:
            raise NotSupported(
                f"{self.storage!r} does not support revisions, nor conditional requests"
            )


class _Superseded(Exception):
    """A concurrent write changed the entry between the decision and the write."""


def _with_index(index: int, function: Callable[..., T], *args: Any) -> T:
    """Call the function; an API error that it raises gets the index of the operation."""
    try:
        return function(*args)
    except APIException as error:
        error.index = index  # type: ignore[attr-defined]
        raise


def _exists(storage: BaseStorage, key: str) -> bool:
    try:
        storage.read(key)
    except KeyNotFound:
        return False
    return True


def merge_patch(target: Any, patch: Any) -> Any:
    """Return the document that a merge patch makes of ``target`` (RFC 7396, section 2)."""
    try:
        return _merge(target, patch)
    except RecursionError as error:
        raise InvalidValue("the patch is nested too deeply") from error


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged.get(name), value)
    return merged
