"""What a commit's operations mean, given how their keys stand: the same for every adapter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from ..exceptions import InvalidValue, KeyNotFound, RevisionConflict, StorageError, ValueTooLarge
from ..keys import check_key, check_revision, check_value
from ..types import Change, Changes, Check, Delete, Operation, Write

#: revision and created_revision of the keys that exist
Standing: TypeAlias = dict[str, tuple[int, int]]


#: operations, and bytes of all their values, in one commit
MAX_COMMIT_OPERATIONS = 1000
MAX_COMMIT_BYTES = 8 * 1024 * 1024


def check_operations(operations: Iterable[Operation], max_value_size: int) -> Sequence[Operation]:
    """Return them, values as bytes; the error of a wrong one carries its index."""
    operations = list(operations)
    if len(operations) > MAX_COMMIT_OPERATIONS:
        raise ValueTooLarge(f"a commit has at most {MAX_COMMIT_OPERATIONS} operations")
    seen: set[str] = set()
    checked = []
    for index, operation in enumerate(operations):
        try:
            checked.append(_check_operation(operation, seen, max_value_size))
        except StorageError as error:
            error.index = index
            raise
    size = sum(len(operation.data) for operation in checked if isinstance(operation, Write))
    if size > max(MAX_COMMIT_BYTES, max_value_size):
        raise ValueTooLarge(f"a commit has at most {MAX_COMMIT_BYTES} bytes of values")
    return checked


def _check_operation(operation: Operation, seen: set[str], max_value_size: int) -> Operation:
    if not isinstance(operation, Write | Delete | Check):
        raise InvalidValue(f"an operation is a Write, Delete or Check, not {operation!r}")
    check_key(operation.key)
    if isinstance(operation, Check):
        check_revision(operation.revision)
        return operation
    if operation.key in seen:
        raise InvalidValue(f"the key {operation.key!r} is changed twice in one commit")
    seen.add(operation.key)
    if operation.if_revision is not None:
        check_revision(operation.if_revision, "if_revision")
    if isinstance(operation, Write):
        data = check_value(operation.data, max_value_size)
        return Write(operation.key, data, operation.if_revision)
    return operation


def check_conditions(operations: Sequence[Operation], standing: Standing) -> None:
    """Raise the error of the first operation whose condition does not hold, with its index."""
    for index, operation in enumerate(operations):
        try:
            check_condition(operation, standing.get(operation.key, (0, 0))[0])
        except StorageError as error:
            error.index = index
            raise


def check_condition(operation: Operation, current: int) -> None:
    """Raise RevisionConflict or KeyNotFound unless it may be done where its key stands."""
    expected = operation.revision if isinstance(operation, Check) else operation.if_revision
    if isinstance(operation, Delete) and not current and not expected:
        raise KeyNotFound(operation.key)
    if expected is not None and expected != current:
        raise RevisionConflict(operation.key, expected, current)


def changes_of(
    operations: Sequence[Write | Delete],
    revision: int,
    standing: Standing,
    actor: str,
    at: datetime | None = None,
) -> Changes:
    now = at or datetime.now(UTC)
    changes = []
    for number, operation in enumerate(operations, 1):
        previous, created = standing.get(operation.key, (0, revision))
        changes.append(
            Change(
                type="write" if isinstance(operation, Write) else "delete",
                key=operation.key,
                value=operation.data if isinstance(operation, Write) else None,
                revision=revision,
                previous_revision=previous,
                at=now,
                actor=actor,
                last=number == len(operations),
                created_revision=created,
            )
        )
    return changes
