"""The file or key of a destination: read once, and replaced only if it has not changed since."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from ...backends.base import BaseStorage
from ...exceptions import KeyNotFound
from ..exceptions import DestinationUnavailable
from . import files
from .destination import Destination


class Location(ABC):
    """A file or a key, as it was when this object was created."""

    #: None if it does not exist
    content: bytes | None
    #: the suffix of the file, which decides the syntax; empty for the syntax of the format
    suffix: str = ""

    @abstractmethod
    def replace(self, content: bytes) -> None:
        """Write new content.

        Raises:
            FileChanged: If the file has changed since it was read.
            RevisionConflict: If the key has changed since it was read.
        """

    def back_up(self, keep: int) -> str:
        """Copy the content that was read, and return where; empty if no copy is needed.

        Args:
            keep: How many copies are kept; 0 for all.
        """
        return ""


class FileLocation(Location):
    """A file."""

    def __init__(self, path: Path) -> None:
        files.check_root(path)
        self._read = files.read(path)
        self.content = self._read.content
        self.suffix = path.suffix

    def replace(self, content: bytes) -> None:
        files.replace(self._read, content)

    def back_up(self, keep: int) -> str:
        return str(files.back_up(self._read, keep) or "")


class KeyLocation(Location):
    """A key of the storage. It needs no copies, because the change log has its old values."""

    def __init__(self, storage: BaseStorage, key: str) -> None:
        self._storage = storage
        self._key = key
        self.content, self._revision = None, 0
        try:
            entry = storage.entry(key)
        except KeyNotFound:
            return
        self.content, self._revision = entry.value, entry.revision

    def replace(self, content: bytes) -> None:
        self._storage.write(self._key, content, if_revision=self._revision)


def read_location(destination: Destination, storage: BaseStorage) -> Location:
    """Read the file or key of a destination.

    Raises:
        DestinationUnavailable: If the file cannot be read or is outside the allowed directories.
    """
    if not destination.is_file:
        return KeyLocation(storage, destination.key)
    try:
        # Other programs write targets too, and a relative path means something else in each
        # process.
        if not destination.path.is_absolute():
            raise ValueError(f"the path {destination.config_path!r} is not absolute")
        return FileLocation(destination.path)
    except (OSError, RuntimeError, ValueError) as error:
        raise DestinationUnavailable(destination.name, str(error)) from error


def check_remote(destination: Destination) -> None:
    """Check that a destination may be read and written on behalf of a remote user.

    Any user who may change the document chooses the paths of files. Such users must not be able
    to write every file that the user of the server process can write.

    Raises:
        DestinationUnavailable: If it is a file, and the setting allows no directories.
    """
    if destination.is_file and files.allowed_roots() is None:
        reason = (
            f"files can be written over HTTP only in the directories of {files.ROOTS}, "
            "which is not set"
        )
        raise DestinationUnavailable(destination.name, reason)
