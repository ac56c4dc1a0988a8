"""``manage.py storage copy``: any storage into any other, again and again."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agent_master_storage import Delete, Write, actor, storages
from agent_master_storage.exceptions import KeyNotFound

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])

LOGGED = ["memory", "default", "postgresql"]
PAIRS = [(a, b) for a in LOGGED for b in LOGGED if a != b]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def copy(*arguments: Any, stderr: Any = None) -> str:
    output = io.StringIO()
    call_command("storage", "copy", *arguments, stdout=output, stderr=stderr)
    return output.getvalue()


def fill(storage: Any) -> None:
    """Keys whose order by name is not that of their revisions."""
    with actor("somebody"):
        storage.write("z", b"first")
    storage.write("a", bytes(range(256)))
    storage.commit([Write("m1", b"together"), Write("m2", b"")])
    storage.write("gone", b"")
    storage.write("🔑", b"last")
    storage.delete("gone")


def in_order(storage: Any) -> list[set[tuple[str, bytes, str]]]:
    """What was written, by revision, those of one commit together."""
    entries = sorted(storage.entries(), key=lambda entry: entry.revision)
    by_revision: dict[int, set[tuple[str, bytes, str]]] = {}
    for entry in entries:
        by_revision.setdefault(entry.revision, set()).add((entry.key, entry.value, entry.actor))
    return list(by_revision.values())


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_all_is_copied_in_the_order_of_revisions(source: str, target: str) -> None:
    fill(storages[source])
    assert copy(source, target) == f"{source} to {target}: 5 keys written\n"
    assert in_order(storages[target]) == in_order(storages[source])
    assert len(in_order(storages[target])) == 4
    assert copy(source, target, "--check") == f"{source} and {target} hold the same\n"


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_second_run_writes_what_has_changed_and_a_third_nothing(source: str, target: str) -> None:
    one, two = storages[source], storages[target]
    fill(one)
    copy(source, target)
    one.write("m1", b"changed")
    one.write("new", b"")
    # The same value, but behind the others now.
    one.write("z", b"first")
    assert "3 keys written" in copy(source, target)
    assert [key for [(key, *_)] in map(list, in_order(two)[-3:])] == ["m1", "new", "z"]
    revision = two.revision
    assert "0 keys written" in copy(source, target)
    assert two.revision == revision


def test_adapters_that_know_no_revisions() -> None:
    fill(storages["default"])
    assert "5 keys written" in copy("default", "plain")
    assert "0 keys written" in copy("default", "plain")
    assert storages["plain"].read("a") == bytes(range(256))
    storages["plain"].write("a", b"other")
    assert "5 keys written" in copy("plain", "memory")
    assert storages["memory"].read("a") == b"other"


def test_nothing_else_in_the_target_is_touched() -> None:
    storages["memory"].write("k", b"")
    storages["default"].write("own", b"stays")
    copy("memory", "default")
    assert storages["default"].list() == ["k", "own"]


def test_check_compares_and_writes_nothing() -> None:
    source, target = storages["memory"], storages["default"]
    fill(source)
    copy("memory", "default")
    source.commit([Write("missing", b""), Write("a", b"other")])
    target.commit([Write("only:there", b""), Delete("z")])
    revision = target.revision
    with pytest.raises(CommandError) as caught:
        copy("memory", "default", "--check")
    assert str(caught.value) == (
        "memory and default differ: 2 missing ('missing', 'z'); 1 different ('a');"
        " 1 only there ('only:there')"
    )
    assert target.revision == revision
    with pytest.raises(KeyNotFound):
        target.read("missing")


def test_check_names_a_few_of_many() -> None:
    storages["memory"].commit([Write(f"k{number}", b"") for number in range(9)])
    with pytest.raises(CommandError, match=r"9 missing \('k0', .*'k4', \.\.\.\)"):
        copy("memory", "default", "--check")


def test_a_value_that_is_too_large_for_the_target_is_an_error(settings: Any) -> None:
    configured = settings.AGENT_MASTER_STORAGE
    small = {**configured["memory"], "OPTIONS": {"max_value_size": 10}}
    settings.AGENT_MASTER_STORAGE = {**configured, "memory": small}
    storages["default"].write("small", b"fits")
    storages["default"].write("large", bytes(11))
    with pytest.raises(CommandError, match="11 bytes, more than the 10 allowed"):
        copy("default", "memory")
    assert storages["memory"].list() == ["small"]


def test_who_writes_in_the_target_meanwhile_is_not_overwritten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, target = storages["memory"], storages["default"]
    source.write("k", b"copied")
    entry = target.entry

    def entry_and_a_writer(key: str) -> Any:
        try:
            return entry(key)
        finally:
            target.write(key, b"meanwhile")

    monkeypatch.setattr(target, "entry", entry_and_a_writer)
    with pytest.raises(CommandError, match="expected that the entry 'k' is missing"):
        copy("memory", "default")
    assert target.read("k") == b"meanwhile"


def test_a_progress_bar_on_a_terminal_and_nowhere_else() -> None:
    storages["memory"].commit([Write(f"k{number}", b"") for number in range(2)])
    storages["memory"].write("k2", b"")
    terminal, pipe = Terminal(), io.StringIO()
    copy("memory", "default", stderr=terminal)
    assert terminal.getvalue() == (f"\r[{'#' * 26}{'.' * 14}] 2 of 3\r[{'#' * 40}] 3 of 3\n")
    copy("memory", "default", stderr=pipe)
    assert pipe.getvalue() == ""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("default", "default"), "into itself"),
        (("default", "missing"), "no alias 'missing'"),
        (("missing", "default"), "no alias 'missing'"),
        (("default",), "required"),
    ],
)
def test_what_is_refused_says_why(arguments: Any, reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        copy(*arguments)
