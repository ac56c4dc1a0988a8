"""What goes round the adapter is led through it, or refused."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.utils import timezone

from agent_master_storage import Write, storages
from agent_master_storage.backends.database.storage import DatabaseStorage
from agent_master_storage.exceptions import (
    InvalidKey,
    InvalidValue,
    NotSupported,
    RevisionConflict,
)
from agent_master_storage.models import Change, Entry, State

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


def entries(database: Any) -> Any:
    return Entry.objects.using(database.using)


def test_save_writes_through_the_storage(database: Any) -> None:
    entry = Entry(key="k", value=b"one")
    entry.save(using=database.using)
    assert (entry.revision, entry.created_revision, entry.namespace) == (1, 1, "agent-master")
    entry.value = b"two"
    entry.save()
    assert (entry.revision, entry.created_revision) == (2, 1)
    assert database.read("k") == b"two"
    assert [change.value for change in database.history()] == [b"one", b"two"]
    assert entries(database).get(key="k").pk == entry.pk


def test_save_of_a_stale_entry_conflicts(database: Any) -> None:
    database.write("k", b"one")
    stale = entries(database).get()
    database.write("k", b"two")
    stale.value = b"lost"
    with pytest.raises(RevisionConflict):
        stale.save()
    with pytest.raises(RevisionConflict):
        stale.delete()
    assert database.read("k") == b"two"


def test_a_second_entry_of_a_key_conflicts(database: Any) -> None:
    database.write("k", b"")
    with pytest.raises(RevisionConflict):
        Entry(key="k", value=b"").save(using=database.using)
    with pytest.raises(RevisionConflict):
        entries(database).create(key="k", value=b"")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"key": "", "value": b""}, InvalidKey),
        ({"key": "a\n", "value": b""}, InvalidKey),
        ({"key": "k", "value": "text"}, InvalidValue),
        ({"key": "k", "value": 5}, InvalidValue),
        ({"key": "k", "value": None}, InvalidValue),
        ({"key": "k", "value": bytes(1024 * 1024 + 1)}, InvalidValue),
    ],
)
def test_what_cannot_be_saved(fields: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Entry(**fields).save()
    assert storages["default"].revision == 0


def test_create_and_get_or_create(database: Any) -> None:
    created = entries(database).create(key="a", value=b"1")
    assert created.revision == 1
    again, was_created = entries(database).get_or_create(key="a", defaults={"value": b"2"})
    assert (again.pk, was_created) == (created.pk, False)
    entries(database).update_or_create(key="a", defaults={"value": b"3"})
    assert database.read("a") == b"3"
    assert len(database.history()) == 2


def test_delete_deletes_through_the_storage(database: Any) -> None:
    for key in ("a", "b", "c"):
        database.write(key, b"")
    assert entries(database).get(key="a").delete() == (1, {"agent_master_storage.Entry": 1})
    assert entries(database).filter(key="b").delete()[0] == 1
    assert entries(database).filter(key="missing").delete() == (0, {})
    assert [change.type for change in database.history(since=3)] == ["delete", "delete"]
    assert database.list() == ["c"]


def test_an_entry_that_was_never_saved_deletes_nothing(database: Any) -> None:
    database.write("k", b"another's")
    with pytest.raises(ValueError, match="never saved"):
        Entry(key="k").delete(using=database.using)
    assert database.read("k") == b"another's"


def test_delete_of_several_is_all_or_none(database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("a", "b"):
        database.write(key, b"")
    found = entries(database).order_by("key")
    list(found)
    database.write("b", b"changed since")
    with pytest.raises(RevisionConflict):
        found.delete()
    assert database.list() == ["a", "b"]


def test_what_would_go_past_the_log_is_refused(database: Any) -> None:
    database.write("k", b"")
    entry, change = entries(database).get(), Change.objects.using(database.using).get()
    changes = Change.objects.using(database.using)
    for attempt in (
        lambda: entries(database).update(value=b"x"),
        lambda: entries(database).bulk_create([Entry(key="x", value=b"")]),
        lambda: entries(database).bulk_update([entry], ["value"]),
        lambda: entries(database)._raw_delete(database.using),
        lambda: changes.update(value=b"x"),
        lambda: changes.delete(),
        lambda: changes.bulk_create([change]),
        lambda: changes.bulk_update([change], ["value"]),
        lambda: changes._raw_delete(database.using),
        lambda: change.save(),
        lambda: change.delete(),
    ):
        with pytest.raises(NotSupported, match="behind the change log's back"):
            attempt()
    assert (database.revision, len(database.history())) == (1, 1)


@pytest.mark.parametrize("label", ["entry", "change", "state"])
def test_loaddata_is_refused(database: Any, label: str, tmp_path: Path) -> None:
    database.write("k", b"value")
    fixture = tmp_path / "fixture.json"
    with fixture.open("w") as output:
        name = f"agent_master_storage.{label}"
        call_command("dumpdata", name, database=database.using, stdout=output)
    assert len(json.loads(fixture.read_text())) == 1
    with pytest.raises(NotSupported, match="loaddata"):
        call_command("loaddata", fixture, database=database.using, verbosity=0)
    assert database.revision == 1


def test_dumpdata_shows_what_there_is(database: Any) -> None:
    database.write("k", b"\x00\xff")
    output = io.StringIO()
    call_command("dumpdata", "agent_master_storage", database=database.using, stdout=output)
    models = sorted(row["model"] for row in json.loads(output.getvalue()))
    assert [name.rpartition(".")[2] for name in models] == ["change", "entry", "state"]


def test_an_entry_belongs_to_the_storage_of_its_namespace(database: Any, settings: Any) -> None:
    path = "agent_master_storage.backends.database.DatabaseStorage"
    options = {"using": database.using}
    settings.AGENT_MASTER_STORAGE = {
        "memory": {"BACKEND": "agent_master_storage.backends.memory.MemoryStorage"},
        "first": {"BACKEND": path, "OPTIONS": {**options, "namespace": "one"}},
        "second": {"BACKEND": path, "OPTIONS": {**options, "namespace": "two"}},
    }
    storages["second"].write("k", b"")
    entry = entries(database).get()
    entry.value = b"changed"
    entry.save()
    assert storages["second"].read("k") == b"changed"
    assert storages["first"].list() == []
    foreign = DatabaseStorage(alias="third", using=database.using, namespace="three")
    foreign.write("k", b"")
    with pytest.raises(NotSupported, match="no alias with the namespace 'three'"):
        entries(database).get(namespace="three").delete()


def test_rows_read_as_the_storage_says(database: Any) -> None:
    database.write("k", b"\x00\xff")
    database.delete("k")
    database.write("k", b"")
    row, entry = entries(database).get(), database.entry("k")
    assert (row.key, bytes(row.value), row.revision) == (entry.key, entry.value, entry.revision)
    assert row.updated_at == entry.updated_at
    rows = list(Change.objects.using(database.using).order_by("revision"))
    told = [(change.type, change.key, change.at) for change in database.history()]
    assert [(row.type, row.key, row.at) for row in rows] == told
    assert [str(row) for row in rows][1] == "delete k at revision 2"
    assert str(State.objects.using(database.using).get()) == "agent-master"


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
@pytest.mark.parametrize("use_tz", [True, False])
def test_times_with_and_without_zones(
    database: Any, settings: Any, zone: str, use_tz: bool
) -> None:
    settings.USE_TZ = use_tz
    settings.TIME_ZONE = zone
    change = database.transact([Write("k", b"")])[0]
    entry = database.entry("k")
    assert entry.updated_at == change.at == database.history()[0].at
    assert entry.updated_at.utcoffset() is not None
    row = entries(database).get()
    if use_tz:
        assert row.updated_at == change.at
    else:
        assert timezone.make_aware(row.updated_at) == change.at
    connections[database.using].close()
