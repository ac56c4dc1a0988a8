"""The exceptions of the engine, in the tree of ``agent_master_storage.exceptions``.

::

    StorageError
    ├── EngineError
    │   ├── ServerNotFound          .name  (also KeyError)
    │   ├── ServerExists            .name
    │   ├── ServerChanged           .name  see ``Server.fingerprint``
    │   ├── DocumentChanged         .current  see ``Engine.at()``
    │   ├── BackupNotFound          .name  (also KeyError)
    │   ├── DestinationNotFound     .name  (also KeyError)
    │   ├── DestinationExists       .name
    │   ├── DestinationChanged      .name  see ``Destination.fingerprint``
    │   └── DestinationUnavailable  .name .reason  see ``__cause__``
    └── InvalidValue  (also ValueError)
        ├── InvalidServer           .name .problems
        ├── InvalidDestination      .name .reason .field
        └── InvalidDocument         .reason .where

Messages never contain values of ``env`` or ``headers``, because messages are written to logs.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..exceptions import InvalidValue, StorageError


class EngineError(StorageError):
    """An operation that the engine refused or could not perform."""

    code = "engine_error"


class NamedError(EngineError):
    """An error about one named object."""

    #: the message, in which the name is inserted
    template = "{name!r}"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return self.template.format(name=self.name)


class ServerNotFound(NamedError, KeyError):
    """There is no server of this name."""

    code = "server_not_found"
    template = "there is no server {name!r}"


class ServerExists(NamedError):
    """There is already a server of this name."""

    code = "server_exists"
    template = "there is already a server {name!r}"


class ServerChanged(NamedError):
    """The server has changed since the caller read it. Nothing was written."""

    code = "server_changed"
    template = "the server {name!r} has changed since it was read"


class DocumentChanged(EngineError):
    """The document is not at the revision that the caller gave. Nothing was written."""

    code = "document_changed"

    def __init__(self, current: int) -> None:
        super().__init__(current)
        #: the revision of the document; 0 if there is none
        self.current = current

    def __str__(self) -> str:
        return f"the document has changed: it is at revision {self.current}"


class BackupNotFound(NamedError, KeyError):
    """There is no backup with this id."""

    code = "backup_not_found"
    template = "there is no backup {name!r}"


class DestinationNotFound(NamedError, KeyError):
    """There is no destination of this name."""

    code = "destination_not_found"
    template = "there is no destination {name!r}"


class DestinationExists(NamedError):
    """There is already a destination of this name."""

    code = "destination_exists"
    template = "there is already a destination {name!r}"


class DestinationChanged(NamedError):
    """The destination has changed since the caller read it. Nothing was written."""

    code = "destination_changed"
    template = "the destination {name!r} has changed since it was read"


class DestinationUnavailable(NamedError):
    """The file or key of a destination cannot be read or written; see ``__cause__``."""

    code = "destination_unavailable"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name)
        self.args = (name, reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the destination {self.name!r} cannot be used: {self.reason}"


class InvalidServer(InvalidValue):
    """The name or the configuration of a server is not valid; ``problems`` lists every fault."""

    code = "invalid_server"

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        super().__init__(name, tuple(problems))
        self.name = name
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return f"the server {self.name!r} is not valid: {'; '.join(self.problems)}"


class InvalidDestination(InvalidValue):
    """A destination is not valid, or is disabled."""

    code = "invalid_destination"

    def __init__(self, name: str, reason: str, field: str = "") -> None:
        super().__init__(name, reason, field)
        self.name = name
        self.reason = reason
        #: the field of Destination that is not valid, if it is a single one
        self.field = field

    def __str__(self) -> str:
        return f"the destination {self.name!r} is not valid: {self.reason}"


class InvalidDocument(InvalidValue):
    """A document cannot be read. ``where`` is the path of the fault, such as ``servers.files``."""

    code = "invalid_document"

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(reason, where)
        self.reason = reason
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}" if self.where else self.reason
