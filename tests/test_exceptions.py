"""The tree of errors: who is whose kind, what they say, and that they survive a journey."""

from __future__ import annotations

import copy
import pickle

import pytest

from agent_master_storage import exceptions
from agent_master_storage.exceptions import (
    InvalidKey,
    InvalidValue,
    KeyNotFound,
    NotSupported,
    RevisionAhead,
    RevisionCompacted,
    RevisionConflict,
    StorageError,
    StorageUnavailable,
    ValueTooLarge,
    WrongType,
)

ERRORS = [
    KeyNotFound("k"),
    InvalidKey("why"),
    InvalidValue("why"),
    ValueTooLarge("why"),
    RevisionConflict("k", 3, 5),
    RevisionCompacted("why", oldest=7),
    RevisionAhead("why", oldest=7, current=9),
    NotSupported("why"),
    StorageUnavailable("why"),
    WrongType("why"),
    StorageError("why"),
]


@pytest.mark.parametrize(
    ("error", "kinds"),
    [
        (KeyNotFound, (StorageError, KeyError, LookupError)),
        (InvalidKey, (StorageError, ValueError)),
        (InvalidValue, (StorageError, ValueError)),
        (ValueTooLarge, (InvalidValue,)),
        (RevisionConflict, (StorageError,)),
        (RevisionCompacted, (StorageError,)),
        (WrongType, (StorageUnavailable,)),
        (RevisionAhead, (RevisionCompacted,)),
        (NotSupported, (StorageError, NotImplementedError)),
        (StorageUnavailable, (StorageError,)),
    ],
)
def test_the_tree(error: type[Exception], kinds: tuple[type[Exception], ...]) -> None:
    for kind in kinds:
        assert issubclass(error, kind)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_errors_can_be_pickled(error: StorageError, protocol: int) -> None:
    """As they come back from a task queue or a process pool."""
    error.index = 2
    for other in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error)):
        assert type(other) is type(error)
        assert str(other) == str(error)
        assert vars(other) == vars(error)
        assert other.args == error.args


def test_what_they_say() -> None:
    assert str(KeyNotFound("k")) == "no entry has the key 'k'"
    assert "is missing, but it stands at 5" in str(RevisionConflict("k", 0, 5))
    assert "stands at revision 3, but there is none" in str(RevisionConflict("k", 3, 0))


def test_every_class_has_a_code_of_its_own() -> None:
    classes = [
        kind
        for kind in vars(exceptions).values()
        if isinstance(kind, type) and issubclass(kind, StorageError)
    ]
    assert len(classes) == len(ERRORS)
    assert len({kind.code for kind in classes}) == len(classes)
