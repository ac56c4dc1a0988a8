"""Everything a storage raises, in one tree.

::

    StorageError
    ├── KeyNotFound            (also KeyError)
    ├── InvalidKey             (also ValueError)
    ├── InvalidValue           (also ValueError)
    ├── RevisionConflict       .current
    ├── RevisionCompacted      .oldest
    │   └── RevisionAhead      .current
    ├── NotSupported
    └── StorageUnavailable     __cause__ is the driver's error
        └── WrongType          trying again is of no use

Each class carries ``code``, the word that REST and websocket clients get for it. A wrong
setting is none of these: it is Django's ``ImproperlyConfigured``.
"""

from __future__ import annotations

from typing import Any


class StorageError(Exception):
    """Something a storage refused or could not do."""

    code = "storage_error"
    #: position of the operation of a ``commit()`` that was refused, from 0
    index: int | None = None


class KeyNotFound(StorageError, KeyError):
    """There is no entry under this key (or was none at that revision)."""

    code = "key_not_found"

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"no entry has the key {self.key!r}"


class InvalidKey(StorageError, ValueError):
    """Not a key: see ``agent_master_storage.keys``."""

    code = "invalid_key"


class InvalidValue(StorageError, ValueError):
    """Not a value: not bytes, or longer than ``max_value_size``; or another bad argument."""

    code = "invalid_value"


class ValueTooLarge(InvalidValue):
    """The value, or the whole commit, is longer than the storage takes."""

    code = "too_large"


class RevisionConflict(StorageError):
    """The entry does not stand at the revision that the caller expected.

    ``current`` is the revision it stands at, 0 when there is no entry.
    """

    code = "revision_conflict"

    def __init__(self, key: str, expected: int, current: int) -> None:
        super().__init__(key, expected, current)
        self.key = key
        self.expected = expected
        self.current = current

    def __str__(self) -> str:
        expected = "is missing" if self.expected == 0 else f"stands at revision {self.expected}"
        current = "there is none" if self.current == 0 else f"it stands at {self.current}"
        return f"expected that the entry {self.key!r} {expected}, but {current}"


class RevisionCompacted(StorageError):
    """The log no longer holds what was asked for; ``oldest`` is the first revision it holds.

    Also raised for a revision of another epoch: the store was emptied or set back since.
    Take a snapshot and go on from there.
    """

    code = "revision_compacted"

    def __init__(self, message: str, *, oldest: int) -> None:
        super().__init__(message)
        self.oldest = oldest

    def __reduce__(self) -> Any:
        return _rebuild, (type(self), self.args[0], vars(self))


class RevisionAhead(RevisionCompacted):
    """A revision that has not been: the storage stands at ``current``."""

    code = "revision_ahead"

    def __init__(self, message: str, *, oldest: int, current: int) -> None:
        super().__init__(message, oldest=oldest)
        self.current = current


class NotSupported(StorageError, NotImplementedError):
    """This adapter can't do that; its ``supports_*`` flags say what it can."""

    code = "not_supported"


class StorageUnavailable(StorageError):
    """The store could not be reached or refused to work; the driver's error is the cause."""

    code = "storage_unavailable"


class WrongType(StorageUnavailable):
    """Under the name that the key has in the store stands something that is no value.

    Somebody else has put it there, and it is left as it is. The word is Redis's.
    """

    code = "wrong_type"


def _rebuild(
    cls: type[RevisionCompacted], message: str, state: dict[str, Any]
) -> RevisionCompacted:
    """Keyword-only arguments do not survive pickling by themselves."""
    error = cls.__new__(cls, message)
    error.args = (message,)
    error.__dict__.update(state)
    return error
