"""What a destination points at: read once, and replaced only if it is still what was read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from ..backends.base import BaseStorage
from ..exceptions import KeyNotFound
from . import files
from .destination import Destination
from .exceptions import DestinationUnavailable
from .roots import ROOTS, allowed_roots, check_root


class Place(ABC):
    """A file or a key, as it was when this object was made."""

    #: None: there is none
    content: bytes | None
    #: what it is written in; None: as its format has it
    suffix: str = ""

    @abstractmethod
    def replace(self, content: bytes) -> None:
        """Write it; FileChanged or RevisionConflict when it is not the same any more."""

    def back_up(self, keep: int) -> str:
        """Copy what was read, and say where to; empty when that is not needed."""
        return ""


class FilePlace(Place):
    """A file."""

    def __init__(self, path: Path) -> None:
        check_root(path)
        self._read = files.read(path)
        self.content = self._read.content
        self.suffix = path.suffix

    def replace(self, content: bytes) -> None:
        files.replace(self._read, content)

    def back_up(self, keep: int) -> str:
        return str(files.back_up(self._read, keep) or "")


class KeyPlace(Place):
    """A key of the storage, whose change log is backup enough."""

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


def place_of(destination: Destination, storage: BaseStorage) -> Place:
    """Look at what a destination points at; DestinationUnavailable for a file that can't be."""
    if not destination.is_file:
        return KeyPlace(storage, destination.key)
    try:
        # Others write targets too, and what is relative depends on who reads it.
        if not destination.path.is_absolute():
            raise ValueError(f"the path {destination.config_path!r} is not absolute")
        return FilePlace(destination.path)
    except (OSError, RuntimeError, ValueError) as error:
        raise DestinationUnavailable(destination.name, str(error)) from error


def check_remote(destination: Destination) -> None:
    """DestinationUnavailable for a file, asked for over HTTP, where no folder was allowed.

    Whoever may change the document names the files; what the server's own user may write is
    not for them all.
    """
    if destination.is_file and allowed_roots() is None:
        reason = f"files are written over HTTP in the folders of {ROOTS} alone: it is not set"
        raise DestinationUnavailable(destination.name, reason)
