"""Files are replaced atomically, and only if they have not changed."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from agent_master_storage.engine.destinations import files


def test_readers_see_the_old_or_the_new_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([65 + number]) * 100_000 for number in range(8)]
    path.write_bytes(contents[0])
    seen: set[bytes] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(path.read_bytes())

    thread = threading.Thread(target=read)
    thread.start()
    for content in contents * 20:
        files.replace(files.read(path), content)
    stop.set()
    thread.join()
    assert seen <= set(contents)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o660, 0o4755])
def test_the_mode_is_kept(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)
    before = files.read(path)
    files.replace(before, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o7777 == mode


def test_the_owner_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    os.chown(path, *an_owner())
    owner = path.stat().st_uid, path.stat().st_gid
    files.replace(files.read(path), b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == owner


def an_owner() -> tuple[int, int]:
    """Return an owner that this process may set: any for root, otherwise one of its groups."""
    if os.geteuid() == 0:
        return 1234, 1235
    return os.geteuid(), next((one for one in os.getgroups() if one != os.getegid()), os.getegid())


def test_a_process_that_may_not_change_the_owner_replaces_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []

    def refuse(handle: int, owner: int, group: int) -> None:
        asked.append((owner, group))
        raise PermissionError

    path = tmp_path / "file"
    path.touch(0o640)
    before = files.read(path)
    monkeypatch.setattr(os, "fchown", refuse)
    files.replace(before, b"new")
    assert asked == [(path.stat().st_uid, path.stat().st_gid)]
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o640)


def test_a_file_that_has_changed_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    missing = files.read(path)
    path.write_bytes(b"theirs")
    with pytest.raises(files.FileChanged):
        files.replace(missing, b"ours")
    there = files.read(path)
    path.write_bytes(b"other")
    with pytest.raises(files.FileChanged):
        files.replace(there, b"ours")
    there = files.read(path)
    path.unlink()
    with pytest.raises(files.FileChanged):
        files.replace(there, b"ours")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.replace(files.read(path), b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    for path in (tmp_path, Path(os.devnull)):
        with pytest.raises(OSError, match=r"directory|regular file"):
            files.read(path)


def test_backups_are_counted_per_file(tmp_path: Path) -> None:
    one, other = tmp_path / "a.json", tmp_path / "a.json.x"
    for path in (one, other):
        path.write_bytes(path.name.encode())
    (tmp_path / ".backups").mkdir()
    foreign = tmp_path / ".backups" / "a.json.mine.backup"
    foreign.touch()
    for _ in range(4):
        files.back_up(files.read(one), 2)
        files.back_up(files.read(other), 3)
    names = sorted(path.name for path in (tmp_path / ".backups").iterdir())
    assert sum(name.startswith("a.json.x.") for name in names) == 3
    assert sum(name.startswith("a.json.20") for name in names) == 2
    assert foreign.exists()
    newest = tmp_path / ".backups" / names[1]
    assert newest.read_bytes() == b"a.json"
    assert files.back_up(files.read(tmp_path / "missing"), 2) is None
    for _ in range(3):
        files.back_up(files.read(one), 0)
    assert len(list((tmp_path / ".backups").iterdir())) == 9
