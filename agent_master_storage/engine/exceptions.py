"""What the engine raises, under the tree of ``agent_master_storage.exceptions``.

::

    StorageError
    ├── EngineError
    │   ├── ServerNotFound          .name  (also KeyError)
    │   ├── ServerExists            .name
    │   ├── ServerChanged           .name  since it was read; see ``Server.fingerprint``
    │   ├── DocumentChanged         .current  since it was read; see ``Engine.at()``
    │   ├── BackupNotFound          .name  (also KeyError)
    │   ├── DestinationNotFound     .name  (also KeyError)
    │   ├── DestinationExists       .name
    │   ├── DestinationChanged      .name  since it was read; see ``Destination.fingerprint``
    │   └── DestinationUnavailable  .name  the file can't be read or written; see __cause__
    └── InvalidValue  (also ValueError)
        ├── InvalidServer           .name .problems
        ├── InvalidDestination      .name
        └── InvalidDocument         .where  not what it should be, or of no known format

No message holds a value of ``env`` or ``headers``: messages end in logs.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..exceptions import InvalidValue, StorageError


class EngineError(StorageError):
    """Something the engine refused or could not do."""

    code = "engine_error"


class NamedError(EngineError):
    """An error about one thing that has a name."""

    #: how the message is made from the name
    says = "{name!r}"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return self.says.format(name=self.name)


class ServerNotFound(NamedError, KeyError):
    """The document has no server of this name."""

    code = "server_not_found"
    says = "there is no server {name!r}"


class ServerExists(NamedError):
    """The name is taken by another server."""

    code = "server_exists"
    says = "there is a server {name!r} already"


class ServerChanged(NamedError):
    """Somebody changed the server since the caller read it: nothing was written."""

    code = "server_changed"
    says = "the server {name!r} was changed by somebody else meanwhile"


class DocumentChanged(EngineError):
    """The document does not stand at the revision that the caller named: nothing was written."""

    code = "document_changed"

    def __init__(self, current: int) -> None:
        super().__init__(current)
        #: where it stands; 0: there is none
        self.current = current

    def __str__(self) -> str:
        return f"the document stands at revision {self.current}, not at the one that was named"


class BackupNotFound(NamedError, KeyError):
    """There is no backup of this id."""

    code = "backup_not_found"
    says = "there is no backup {name!r}"


class DestinationNotFound(NamedError, KeyError):
    """There is no destination of this name."""

    code = "destination_not_found"
    says = "there is no destination {name!r}"


class DestinationExists(NamedError):
    """The name is taken by another destination."""

    code = "destination_exists"
    says = "there is a destination {name!r} already"


class DestinationChanged(NamedError):
    """Somebody changed the destination since the caller read it: nothing was written."""

    code = "destination_changed"
    says = "the destination {name!r} was changed by somebody else meanwhile"


class DestinationUnavailable(NamedError):
    """What the destination points at can't be read or written; the cause says why."""

    code = "destination_unavailable"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name)
        self.args = (name, reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the destination {self.name!r} can't be used: {self.reason}"


class InvalidServer(InvalidValue):
    """A server's name or configuration is not usable; ``problems`` says each thing wrong."""

    code = "invalid_server"

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        super().__init__(name, tuple(problems))
        self.name = name
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return f"the server {self.name!r} is not valid: {'; '.join(self.problems)}"


class InvalidDestination(InvalidValue):
    """A destination that could not work."""

    code = "invalid_destination"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"the destination {self.name!r} is not valid: {self.reason}"


class InvalidDocument(InvalidValue):
    """A document that can't be read; ``where`` is the path of the fault, as ``servers.files``."""

    code = "invalid_document"

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(reason, where)
        self.reason = reason
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}" if self.where else self.reason
