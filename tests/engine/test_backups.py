"""Backups: a restore loses nothing, and the oldest backups are removed."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent_master_storage.engine import Document, Engine
from agent_master_storage.engine.exceptions import BackupNotFound, InvalidDocument
from agent_master_storage.testing.base import Worker

from .documents import GO, put, stored

SERVER = {"command": "uvx"}


def limit(engine: Engine, number: int) -> None:
    def edit(document: Document) -> None:
        document.section("settings", "backup")["maxBackups"] = number

    engine.change(edit)


def test_create_stores_the_document_and_its_description(everywhere: Engine) -> None:
    put(everywhere, GO)
    made = everywhere.create_backup("before the party")
    assert re.fullmatch(r"backup-\d{8}-\d{6}-\d{19}", made.id)
    assert everywhere.storage.read(f"backups/{made.id}").decode() == GO
    assert stored(everywhere, f"backup-meta:{made.id}") == {
        "id": made.id,
        "path": f"backups/{made.id}.json",
        "timestamp": made.timestamp,
        "size": len(GO.encode()),
        "type": "manual",
        "description": "before the party",
    }
    assert abs(made.made_at - datetime.now(UTC)) < timedelta(seconds=20)
    # The id contains the same time.
    day, clock, nanoseconds = made.id.split("-")[1:]
    assert made.timestamp.replace("-", "").replace(":", "").startswith(f"{day}T{clock}")
    assert int(nanoseconds) // 1_000_000_000 == int(made.made_at.timestamp())
    assert everywhere.list_backups() == [made]
    assert everywhere.get_backup(made.id).dump().decode() == GO


def test_restore_replaces_the_document_and_backs_up_the_replaced_one(everywhere: Engine) -> None:
    put(everywhere, GO)
    first = everywhere.create_backup()
    everywhere.add_server("later", SERVER)
    later = everywhere.storage.read("config")
    replaced = everywhere.restore_backup(first.id)
    assert everywhere.storage.read("config").decode() == GO
    assert (replaced.type, everywhere.storage.read(f"backups/{replaced.id}")) == (
        "pre-restore",
        later,
    )
    assert first.id in replaced.description
    # And back.
    everywhere.restore_backup(replaced.id)
    assert everywhere.storage.read("config") == later
    assert len(everywhere.list_backups()) == 3


def test_the_backup_of_a_restore_contains_changes_up_to_it(
    everywhere: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = everywhere.create_backup()
    storage, entry, late = everywhere.storage, everywhere.storage.entry, ["one", "two"]

    def read_and_add(key: str, **options: Any) -> Any:
        found = entry(key, **options) if key in storage.list() else None
        if late:
            name = late.pop()
            Engine(storage=storage).add_server(name, SERVER)
        return found or entry(key, **options)

    monkeypatch.setattr(storage, "entry", read_and_add)
    replaced = everywhere.restore_backup(made.id)
    assert set(everywhere.get_backup(replaced.id).servers) == {"one", "two"}
    assert everywhere.list_servers() == []


def test_the_oldest_are_deleted_with_their_descriptions(everywhere: Engine) -> None:
    limit(everywhere, 3)
    made = [everywhere.create_backup(str(number)) for number in range(7)]
    kept = everywhere.list_backups()
    assert kept == [made[6], made[5], made[4]]
    keys = everywhere.storage.list("backup")
    assert keys == sorted(
        key for one in kept for key in (f"backups/{one.id}", f"backup-meta:{one.id}")
    )
    # The backup that a restore makes does not displace the restored one.
    everywhere.restore_backup(made[4].id)
    assert made[4] in everywhere.list_backups()
    limit(everywhere, 1)
    newest = everywhere.create_backup("last")
    assert everywhere.list_backups() == [newest]


def test_max_backups_zero_keeps_all(engine: Engine) -> None:
    limit(engine, 0)
    for number in range(15):
        engine.create_backup(str(number))
    assert len(engine.list_backups()) == 15


def test_concurrent_backups_have_unique_ids(everywhere: Engine) -> None:
    limit(everywhere, 0)
    release = getattr(everywhere.storage, "release", None)
    workers = [
        Worker(lambda: [everywhere.create_backup() for _ in range(5)], release) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.finish()
    assert len({one.id for one in everywhere.list_backups()}) == 20


def test_delete_removes_all_entries_of_a_backup(engine: Engine) -> None:
    made = engine.create_backup()
    engine.delete_backup(made.id)
    assert engine.storage.list("backup") == []
    for verb in (engine.delete_backup, engine.restore_backup, engine.get_backup):
        for id in (made.id, "", "\0", "nothing"):
            with pytest.raises(BackupNotFound, match="no backup"):
                verb(id)
    assert engine.list_servers() == []


def test_backups_of_the_go_engine_are_listed_also_those_before_release_1_0_2(
    engine: Engine,
) -> None:
    new = {"id": "backup-20261101-000000-2", "timestamp": "2026-11-01T00:00:00.000000002Z"}
    old = {"id": "backup-20261101-000000-1", "timestamp": "2026-11-01T01:00:00.000000001+01:00"}
    put(engine, json.dumps(new), f"backup-meta:{new['id']}")
    put(engine, json.dumps(old), f"backup-meta/{old['id']}")
    put(engine, GO, f"backups/{old['id']}")
    assert [one.id for one in engine.list_backups()] == [new["id"], old["id"]]
    engine.restore_backup(old["id"])
    assert engine.storage.read("config").decode() == GO
    engine.delete_backup(old["id"])
    assert [one.type for one in engine.list_backups()] == ["pre-restore", "manual"]


@pytest.mark.parametrize("notes", ["", "[]", '{"id": {}}', '{"id": "a", "timestamp": "noon"}'])
def test_a_broken_description_does_not_hide_other_backups(
    engine: Engine, notes: str, caplog: pytest.LogCaptureFixture
) -> None:
    made = engine.create_backup()
    put(engine, notes, "backup-meta:broken")
    assert engine.list_backups() == [made]
    assert "backup-meta:broken is not the description of a backup" in caplog.text


def test_a_backup_without_a_document_is_not_restored(engine: Engine) -> None:
    put(engine, GO)
    put(engine, "[]", "backups/bad")
    with pytest.raises(InvalidDocument):
        engine.restore_backup("bad")
    assert engine.storage.read("config").decode() == GO
    assert engine.storage.list("backup-meta") == []


def test_a_broken_document_can_be_backed_up_and_replaced_by_a_restore(engine: Engine) -> None:
    put(engine, GO)
    good = engine.create_backup()
    put(engine, "{broken")
    bad = engine.create_backup()
    assert engine.storage.read(f"backups/{bad.id}") == b"{broken"
    replaced = engine.restore_backup(good.id)
    assert engine.storage.read("config").decode() == GO
    assert engine.storage.read(f"backups/{replaced.id}") == b"{broken"


async def test_the_async_twins(everywhere: Engine) -> None:
    made = await everywhere.acreate_backup("x", type="nightly")
    assert await everywhere.alist_backups() == [made]
    await everywhere.aadd_server("a", SERVER)
    await everywhere.arestore_backup(made.id)
    assert (await everywhere.aget_backup(made.id)).list() == []
    await everywhere.adelete_backup(made.id)
    assert [one.type for one in await everywhere.alist_backups()] == ["pre-restore"]
