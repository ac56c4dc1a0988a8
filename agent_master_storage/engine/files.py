"""Files of clients: replaced as a whole or not at all, with the mode and owner they had.

A client may write its file at any moment, so a file is replaced only if it is still the one
that was read.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

#: a file that is new holds tokens, most likely
NEW_MODE = 0o600

BACKUP_FOLDER = ".backups"


class FileChanged(Exception):
    """Somebody wrote the file between its reading and its replacement."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """A file as it was read; without content when there was none."""

    path: Path
    content: bytes | None
    status: os.stat_result | None


def read(path: Path) -> Read:
    """Read a file, which may be missing; OSError for what is no plain file."""
    # A link stays one: what it points at is replaced.
    path = path.resolve()
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OSError(f"{path} is no plain file")
            return Read(path=path, content=file.read(), status=status)
    except FileNotFoundError:
        return Read(path=path, content=None, status=None)


def replace(before: Read, content: bytes) -> None:
    """Put ``content`` in the place of what was read; FileChanged when it is not that any more.

    A reader sees the old content or the new one. A missing folder is made.
    """
    path = before.path
    _check_same(before)
    if before.status is not None and not os.access(path, os.W_OK):
        raise PermissionError(f"{path} may not be written")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            _take_after(file.fileno(), before.status)
            os.fsync(file.fileno())
        _check_same(before)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def back_up(before: Read, keep: int) -> Path | None:
    """Copy a file into the folder .backups beside it; the oldest beyond ``keep`` go.

    None when there was no file. 0: all are kept.
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


def _take_after(handle: int, status: os.stat_result | None) -> None:
    if status is None:
        os.fchmod(handle, NEW_MODE)
        return
    # Only root may give a file to somebody else.
    with suppress(PermissionError):
        os.fchown(handle, status.st_uid, status.st_gid)
    os.fchmod(handle, stat.S_IMODE(status.st_mode))


def _check_same(before: Read) -> None:
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
