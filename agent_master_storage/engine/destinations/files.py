"""Configuration files of clients: replaced atomically, keeping their mode and owner.

A client can write its file at any moment, so a file is replaced only if it is still the one that
was read.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

#: setting: the directories that files of destinations are restricted to; unset for no restriction
ROOTS = "AGENT_MASTER_STORAGE_DESTINATION_ROOTS"

#: of a new file, which is likely to contain tokens
NEW_MODE = 0o600

BACKUP_FOLDER = ".backups"


class FileChanged(Exception):
    """Another program wrote the file after it was read and before it was replaced."""


@dataclass(frozen=True, kw_only=True)
class ReadFile:
    """A file as it was read."""

    path: Path
    #: None if there was no file
    content: bytes | None
    status: os.stat_result | None


def read(path: Path) -> ReadFile:
    """Read a file, which may be missing.

    Raises:
        OSError: If it cannot be read, or is not a regular file.
    """
    # A symbolic link is kept: the file that it points to is replaced.
    path = path.resolve()
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OSError(f"{path} is not a regular file")
            return ReadFile(path=path, content=file.read(), status=status)
    except FileNotFoundError:
        return ReadFile(path=path, content=None, status=None)


def replace(before: ReadFile, content: bytes) -> None:
    """Replace a file atomically; readers see either the old or the new content.

    A missing directory is created.

    Raises:
        FileChanged: If the file has changed since it was read.
        OSError: If it cannot be written.
    """
    path = before.path
    _check_same(before)
    if before.status is not None and not os.access(path, os.W_OK):
        raise PermissionError(f"{path} is not writable")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            _copy_permissions(file.fileno(), before.status)
            os.fsync(file.fileno())
        _check_same(before)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def back_up(before: ReadFile, keep: int) -> Path | None:
    """Copy the content that was read into the directory ``.backups`` next to the file.

    Args:
        before: The file.
        keep: How many copies are kept; the oldest ones are deleted. 0 for all.

    Returns:
        The copy, or None if there was no file.
    """
    if before.content is None or before.status is None:
        return None
    folder = before.path.parent / BACKUP_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    copy = folder / f"{before.path.name}.{now}.backup"
    handle = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, NEW_MODE)
    with os.fdopen(handle, "wb") as file:
        file.write(before.content)
        os.fchmod(file.fileno(), stat.S_IMODE(before.status.st_mode))
    _prune(folder, before.path.name, keep)
    return copy


def allowed_roots() -> list[Path] | None:
    """Return the directories of the setting, resolved; None if it is not set.

    Raises:
        ImproperlyConfigured: If the setting is not a list of absolute paths.
    """
    found = getattr(settings, ROOTS, None)
    if found is None:
        return None
    if not isinstance(found, list | tuple) or not all(isinstance(one, str | Path) for one in found):
        raise ImproperlyConfigured(f"{ROOTS} must be a list of directories")
    roots = [Path(one).expanduser() for one in found]
    if not all(root.is_absolute() for root in roots):
        raise ImproperlyConfigured(f"{ROOTS}: each directory must be absolute or begin with ~/")
    return [root.resolve() for root in roots]


def check_root(path: Path) -> None:
    """Check that a file is inside the allowed directories, also after following links.

    Raises:
        PermissionError: If it is not.
    """
    roots = allowed_roots()
    real = path.resolve()
    if roots is not None and not any(real.is_relative_to(root) for root in roots):
        raise PermissionError(f"{path} is outside the directories of {ROOTS}")


def _copy_permissions(handle: int, status: os.stat_result | None) -> None:
    if status is None:
        os.fchmod(handle, NEW_MODE)
        return
    # Only root may change the owner of a file.
    with suppress(PermissionError):
        os.fchown(handle, status.st_uid, status.st_gid)
    os.fchmod(handle, stat.S_IMODE(status.st_mode))


def _check_same(before: ReadFile) -> None:
    try:
        now = before.path.stat()
    except FileNotFoundError:
        now = None
    if _identity(now) != _identity(before.status):
        raise FileChanged(before.path)


def _identity(status: os.stat_result | None) -> tuple[int, ...] | None:
    if status is None:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _prune(folder: Path, name: str, keep: int) -> None:
    found = sorted(path for path in folder.iterdir() if _is_backup(path.name, name))
    for path in found[:-keep] if keep > 0 else ():
        path.unlink(missing_ok=True)


def _is_backup(found: str, name: str) -> bool:
    middle = found.removeprefix(f"{name}.").removesuffix(".backup")
    return found == f"{name}.{middle}.backup" and middle.replace("-", "").isdigit()
