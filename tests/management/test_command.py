"""``manage.py storage``."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agent_master_storage import storages

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


def run(*arguments: Any) -> str:
    output = io.StringIO()
    call_command("storage", *arguments, stdout=output)
    return output.getvalue()


def test_status_shows_revision_log_and_epoch() -> None:
    for _ in range(3):
        storages["default"].write("k", b"")
    storages["default"].compact(1)
    storages["plain"].write("k", b"")
    lines = run("status").splitlines()
    epoch = storages["default"].epoch
    assert f"default: DatabaseStorage revision 3, log from 2, epoch {epoch}" in lines
    assert "plain: DictStorage 1 keys" in lines
    assert [line.partition(":")[0] for line in lines] == list(storages)


def test_new_epoch(database: Any) -> None:
    database.write("k", b"")
    epoch = database.epoch
    printed = run("new-epoch", database.alias)
    assert database.epoch != epoch
    assert printed == f"{database.alias}: epoch {database.epoch}\n"
    assert database.read("k") == b""


def test_new_epoch_uses_the_default_storage_without_an_alias() -> None:
    epoch = storages["default"].epoch
    run("new-epoch")
    assert storages["default"].epoch != epoch


def test_compact(database: Any) -> None:
    for _ in range(5):
        database.write("k", b"")
    assert "log from 4" in run("compact", "3", database.alias)
    assert len(database.history()) == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("compact", "7"), "has not been"),
        (("compact", "many"), "invalid int value"),
        (("compact",), "required"),
        (("compact", "0", "missing"), "no alias 'missing'"),
        (("new-epoch", "missing"), "no alias 'missing'"),
        (("new-epoch", "plain"), "keeps no change log"),
        (("unknown",), "invalid choice"),
        ((), "required"),
    ],
)
def test_invalid_arguments_are_reported(arguments: Any, reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        run(*arguments)
