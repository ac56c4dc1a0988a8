"""What a commit's operations mean, given how their keys stand: the same for every adapter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from ..exceptions import KeyNotFound, RevisionConflict, StorageError
from ..types import Change, Changes, Check, Delete, Operation, Write

#: revision and created_revision of the keys that exist
Standing: TypeAlias = dict[str, tuple[int, int]]


def check_conditions(operations: Sequence[Operation], standing: Standing) -> None:
    """Raise the error of the first operation whose condition does not hold, with its index."""
    for index, operation in enumerate(operations):
        try:
            _check_condition(operation, standing.get(operation.key, (0, 0))[0])
        except StorageError as error:
            error.index = index
            raise


def _check_condition(operation: Operation, current: int) -> None:
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
) -> Changes:
    now = datetime.now(UTC)
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
