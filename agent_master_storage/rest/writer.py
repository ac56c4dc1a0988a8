"""PUT, PATCH, DELETE and commits, from HTTP's conditions to those on a revision.

A user who may only add, or only change, must not do the other by winning a race. So where the
permission or the condition depends on how the entry stands, it is read first, and the write
then holds only for that revision; when it has moved on, all is decided anew.
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
from ..types import Change, Delete, Entry, Operation, Write
from .etags import Condition
from .exceptions import NotJson, PreconditionFailed

T = TypeVar("T")

#: how often a write that others overtake is tried again
ATTEMPTS = 50

#: returns whether the user may, for the key
Allowed = Callable[[Action, str], bool]
#: raises when the user may not
Require = Callable[[Action, str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What a write did."""

    #: whether there was no such key before
    new: bool
    #: None where the adapter keeps no revisions
    entry: Entry | None = None


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Writes to one storage for one user."""

    storage: BaseStorage
    allowed: Allowed
    require: Require

    # PUT

    def put(self, key: str, data: bytes, condition: Condition) -> Written:
        """Write; see Written for the answer."""
        if not self.storage.supports_revisions:
            return self._put_plain(key, data, condition)
        if self.allowed("add", key) and self.allowed("change", key):
            if not condition and self.storage.supports_commit:
                return self._write(Write(key, data))
            if condition.revision is not None:
                return self._write_at(Write(key, data, condition.revision))
        return self._until_settled(lambda: self._put_at(key, data, condition))

    def _put_at(self, key: str, data: bytes, condition: Condition) -> Written:
        current = self._current(key)
        self.require("change" if current else "add", key)
        condition.check(current)
        return self._settle(Write(key, data, current))

    def _put_plain(self, key: str, data: bytes, condition: Condition) -> Written:
        self._refuse(condition)
        new = not _has(self.storage, key)
        self.require("add" if new else "change", key)
        self.storage.write(key, data)
        return Written(new=new)

    # PATCH

    def patch(self, key: str, patch: Any, condition: Condition) -> Written:
        """Apply a merge patch (RFC 7396) to the JSON document that the value is."""
        self.require("change", key)
        # An empty patch would show the document.
        self.require("view", key)
        if not self.storage.supports_revisions:
            raise NotSupported(f"{self.storage!r} keeps no revisions: it can't patch atomically")
        return self._until_settled(lambda: self._patch_at(key, patch, condition))

    def _patch_at(self, key: str, patch: Any, condition: Condition) -> Written:
        entry = self._met(key, condition)
        try:
            document = serialization.loads(entry.value)
        except InvalidValue as error:
            raise NotJson(f"the value of {key!r} is {error}") from error
        data = serialization.dumps(merged(document, patch)).encode()
        return self._settle(Write(key, data, entry.revision))

    def _met(self, key: str, condition: Condition) -> Entry:
        try:
            entry = self.storage.entry(key)
        except KeyNotFound:
            condition.check(0)
            raise
        condition.check(entry.revision)
        return entry

    # DELETE

    def delete(self, key: str, condition: Condition) -> None:
        self.require("delete", key)
        if not self.storage.supports_revisions:
            self._refuse(condition)
            self.storage.delete(key)
        elif not condition:
            self.storage.delete(key)
        else:
            self._until_settled(lambda: self._delete_at(key, condition))

    def _delete_at(self, key: str, condition: Condition) -> None:
        revision = self._met(key, condition).revision
        try:
            self.storage.delete(key, if_revision=revision)
        except RevisionConflict as error:
            raise _Overtaken from error

    # Commits

    def commit(self, operations: Sequence[Operation]) -> int:
        """Commit for the user; each operation is asked for, errors carry its index."""
        if not self.storage.supports_commit:
            raise NotSupported(f"{self.storage!r} does not commit several operations at once")
        if not operations:
            # The answer is the revision.
            self.require("view", "")
        open_writes = [i for i, op in enumerate(operations) if _indexed(i, self._is_open, op)]
        if not open_writes:
            return self.storage.commit(operations)
        return self._until_settled(lambda: self._commit_at(operations, open_writes))

    def _is_open(self, operation: Operation) -> bool:
        """Require what can be said now; whether a write's permission depends on the entry."""
        if isinstance(operation, Delete):
            self.require("delete", operation.key)
            return False
        if not isinstance(operation, Write):
            self.require("view", operation.key)
            return False
        if operation.if_revision is not None:
            self.require("change" if operation.if_revision else "add", operation.key)
            return False
        may = (self.allowed("add", operation.key), self.allowed("change", operation.key))
        if not any(may):
            self.require("change", operation.key)
        return not all(may)

    def _commit_at(self, operations: Sequence[Operation], open_writes: Sequence[int]) -> int:
        settled = list(operations)
        for index in open_writes:
            write = settled[index]
            assert isinstance(write, Write)
            current = self._current(write.key)
            _indexed(index, self.require, "change" if current else "add", write.key)
            settled[index] = Write(write.key, write.data, current)
        try:
            return self.storage.commit(settled)
        except RevisionConflict as error:
            if error.index in open_writes:
                raise _Overtaken from error
            raise

    # Inside

    def _write(self, write: Write) -> Written:
        if self.storage.supports_commit:
            change = self.storage.transact([write])[0]
            return Written(new=not change.previous_revision, entry=_entry_of(change))
        self.storage.write(write.key, write.data, if_revision=write.if_revision)
        return Written(new=not write.if_revision, entry=self.storage.entry(write.key))

    def _write_at(self, write: Write) -> Written:
        """Write under the client's own condition."""
        try:
            return self._write(write)
        except RevisionConflict as error:
            raise PreconditionFailed(error.current) from error

    def _settle(self, write: Write) -> Written:
        """Write under a condition of ours."""
        try:
            return self._write(write)
        except RevisionConflict as error:
            raise _Overtaken from error

    def _until_settled(self, attempt: Callable[[], T]) -> T:
        for _ in range(ATTEMPTS):
            try:
                return attempt()
            except _Overtaken:
                continue
        raise StorageUnavailable("others write here all the time: try again")

    def _current(self, key: str) -> int:
        try:
            return self.storage.entry(key).revision
        except KeyNotFound:
            return 0

    def _refuse(self, condition: Condition) -> None:
        if condition:
            raise NotSupported(f"{self.storage!r} keeps no revisions: no conditional requests")


class _Overtaken(Exception):
    """Somebody else wrote between our look and our write."""


def _entry_of(change: Change) -> Entry:
    return Entry(
        key=change.key,
        value=change.value or b"",
        revision=change.revision,
        created_revision=change.created_revision,
        updated_at=change.at,
        actor=change.actor,
    )


def _indexed(index: int, function: Callable[..., T], *args: Any) -> T:
    """Call it; a refusal tells which operation it is about."""
    try:
        return function(*args)
    except APIException as error:
        error.index = index  # type: ignore[attr-defined]
        raise


def _has(storage: BaseStorage, key: str) -> bool:
    try:
        storage.read(key)
    except KeyNotFound:
        return False
    return True


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2."""
    try:
        return _merge(target, patch)
    except RecursionError as error:
        raise InvalidValue("the patch is nested too deep") from error


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
