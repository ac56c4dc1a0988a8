"""``manage.py storage copy``: copy between any two adapters, repeatedly."""

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
    """Write keys whose order differs from the order of their revisions."""
    with actor("alice"):
        storage.write("z", b"first")
    storage.write("a", bytes(range(256)))
    storage.commit([Write("m1", b"together"), Write("m2", b"")])
    storage.write("gone", b"")
    storage.write("🔑", b"last")
    storage.delete("gone")


def in_order(storage: Any) -> list[set[tuple[str, bytes, str]]]:
    """Return the entries in revision order, grouped by commit."""
    entries = sorted(storage.entries(), key=lambda entry: entry.revision)
    by_revision: dict[int, set[tuple[str, bytes, str]]] = {}
    for entry in entries:
        by_revision.setdefault(entry.revision, set()).add((entry.key, entry.value, entry.actor))
    return list(by_revision.values())


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_copy_keeps_the_order_of_revisions(source: str, target: str) -> None:
    fill(storages[source])
    assert copy(source, target) == f"{source} to {target}: 5 keys written\n"
    assert in_order(storages[target]) == in_order(storages[source])
    assert len(in_order(storages[target])) == 4
    assert copy(source, target, "--check") == f"{source} and {target} have the same entries\n"


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_second_run_copies_changes_and_third_run_nothing(source: str, target: str) -> None:
    one, two = storages[source], storages[target]
    fill(one)
    copy(source, target)
    one.write("m1", b"changed")
    one.write("new", b"")
    # The same value, but now after the others.
    one.write("z", b"first")
    assert "3 keys written" in copy(source, target)
    assert [key for [(key, *_)] in map(list, in_order(two)[-3:])] == ["m1", "new", "z"]
    revision = two.revision
    assert "0 keys written" in copy(source, target)
    assert two.revision == revision


def test_copy_to_and_from_an_adapter_without_revisions() -> None:
    fill(storages["default"])
    assert "5 keys written" in copy("default", "plain")
    assert "0 keys written" in copy("default", "plain")
    assert storages["plain"].read("a") == bytes(range(256))
    storages["plain"].write("a", b"other")
    assert "5 keys written" in copy("plain", "memory")
    assert storages["memory"].read("a") == b"other"


def test_copy_to_an_adapter_without_commits(settings: Any) -> None:
    backend = {"BACKEND": "tests.test_paging.RevisionsOnly"}
    settings.AGENT_MASTER_STORAGE = {**settings.AGENT_MASTER_STORAGE, "revisions": backend}
    fill(storages["memory"])
    assert "5 keys written" in copy("memory", "revisions")
    assert "0 keys written" in copy("memory", "revisions")


def test_other_keys_in_the_target_are_kept() -> None:
    storages["memory"].write("k", b"")
    storages["default"].write("own", b"stays")
    copy("memory", "default")
    assert storages["default"].list() == ["k", "own"]


def test_check_compares_without_writing() -> None:
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
        " 1 only in the target ('only:there')"
    )
    assert target.revision == revision
    with pytest.raises(KeyNotFound):
        target.read("missing")


def test_check_lists_at_most_five_keys_of_each_kind() -> None:
    storages["memory"].commit([Write(f"k{number}", b"") for number in range(9)])
    with pytest.raises(CommandError, match=r"9 missing \('k0', .*'k4', \.\.\.\)"):
        copy("memory", "default", "--check")


def test_value_too_large_for_the_target_is_an_error(settings: Any) -> None:
    configured = settings.AGENT_MASTER_STORAGE
    small = {**configured["memory"], "OPTIONS": {"max_value_size": 10}}
    settings.AGENT_MASTER_STORAGE = {**configured, "memory": small}
    storages["default"].write("small", b"fits")
    storages["default"].write("large", bytes(11))
    with pytest.raises(CommandError, match="11 bytes, more than the 10 allowed"):
        copy("default", "memory")
    assert storages["memory"].list() == ["small"]


def test_concurrent_write_in_the_target_is_not_overwritten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, target = storages["memory"], storages["default"]
    source.write("k", b"copied")
    entry = target.entry

    def entry_followed_by_a_write(key: str) -> Any:
        try:
            return entry(key)
        finally:
            target.write(key, b"concurrent")

    monkeypatch.setattr(target, "entry", entry_followed_by_a_write)
    with pytest.raises(CommandError, match="expected that the entry 'k' is missing"):
        copy("memory", "default")
    assert target.read("k") == b"concurrent"


def test_progress_bar_is_shown_on_a_terminal_only() -> None:
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
        (("default", "default"), "to itself"),
        (("default", "missing"), "no alias 'missing'"),
        (("missing", "default"), "no alias 'missing'"),
        (("default",), "required"),
    ],
)
def test_invalid_arguments_are_reported(arguments: Any, reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        copy(*arguments)
