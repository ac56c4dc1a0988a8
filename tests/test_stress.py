"""Many processes write as fast as they can while others read: nothing lost, twice or unordered."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from agent_master_storage import storages
from agent_master_storage.testing.base import Worker

from .support.children import child
from .support.stress_reader import END, Replay, follow, follow_slowly

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True, databases=["default", "postgres"]),
]

WRITERS = 8
COMMITS = 2500
#: of each writer, where half of them write by another adapter
MIXED_COMMITS = 1000
#: seconds for all of it, on a machine that does other things too
PATIENCE = 300.0

#: the commits are what is tested, not how long a disk takes to keep them
UNSAFE = {
    "default": {
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 120,
            "init_command": "PRAGMA synchronous = NORMAL",
        }
    },
    "postgres": {"OPTIONS": {"options": "-c synchronous_commit=off"}},
}
ON_POSTGRES = {"using": "postgres"}
USING: dict[str, dict[str, Any]] = {
    "default": {},
    "postgres": ON_POSTGRES,
    "postgresql": ON_POSTGRES,
}


@pytest.fixture(params=list(USING), ids=["sqlite", "database", "postgresql"])
def alias(request: pytest.FixtureRequest, settings: Any) -> str:
    alias: str = request.param
    # The readers start at once and look at 20,000 revisions when they like.
    _limit(settings, alias, 100_000)
    return alias


def _limit(settings: Any, alias: str, history_limit: int) -> None:
    options = {**USING[alias], "history_limit": history_limit}
    stored = settings.AGENT_MASTER_STORAGE
    settings.AGENT_MASTER_STORAGE = {**stored, alias: {**stored[alias], "OPTIONS": options}}


def write(
    alias: str, writers: int, commits: int, also: str | None = None
) -> dict[int, list[tuple[str, str | None]]]:
    """Let them write; what was committed, by revision, as they say.

    With ``also``, half of them write by the adapter of that alias.
    """
    aliases = (alias, also or alias)
    options = dict.fromkeys(aliases, storages.settings[alias]["OPTIONS"])
    committed: dict[int, list[tuple[str, str | None]]] = {}
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                child(
                    "tests.support.stress_writer",
                    aliases[seed % 2],
                    seed,
                    commits,
                    databases=UNSAFE,
                    options=options,
                )
            )
            for seed in range(writers)
        ]
        for writer in started:
            for revision, changes in writer.finish(PATIENCE)[0]:
                assert revision not in committed, "two have taken one revision"
                committed[revision] = [(key, value) for key, value in changes]
    return committed


def state_of(storage: Any) -> dict[str, tuple[int, bytes]]:
    return {entry.key: (entry.revision, entry.value) for entry in storage.entries()}


def test_nothing_is_lost_twice_or_out_of_order(alias: str) -> None:
    check_nothing_is_lost(alias)


def test_nothing_is_lost_between_two_adapters_on_the_same_rows(settings: Any) -> None:
    _limit(settings, "postgresql", 100_000)
    check_nothing_is_lost("postgresql", MIXED_COMMITS, also="postgres")


def check_nothing_is_lost(alias: str, commits: int = COMMITS, also: str | None = None) -> None:
    storage, here = storages[alias], Replay()
    reader = Worker(lambda: follow(storage, here, 0), storage.release)
    reader.start()
    with child("tests.support.stress_reader", alias, databases=UNSAFE) as elsewhere:
        elsewhere.wait(1)
        committed = write(alias, WRITERS, commits, also)
        committed[storage.write(END, b"")] = [(END, "")]
        reader.join(PATIENCE)
        reader.finish()
        told = elsewhere.finish(PATIENCE)[-1]
    assert sorted(committed) == list(range(1, len(committed) + 1))
    assert len(committed) > WRITERS * commits
    assert here.seen == committed
    assert here.state == state_of(storage)
    assert told == [here.revision, here.changes, here.digest]
    assert "never" not in here.state


def test_a_slow_reader_of_a_short_log_recovers_by_snapshots(alias: str, settings: Any) -> None:
    _limit(settings, alias, 100)
    storage, slow = storages[alias], Replay()
    compacted: list[int] = []
    reader = Worker(lambda: compacted.append(follow_slowly(storage, slow)), storage.release)
    reader.start()
    committed = write(alias, 3, 700)
    storage.write(END, b"")
    reader.join(PATIENCE)
    reader.finish()
    assert compacted[0] >= 1
    assert slow.state == state_of(storage)
    assert len(storage.history()) <= 110 + 4
    # What it saw between its snapshots is what was committed.
    assert {revision: slow.seen[revision] for revision in committed if revision in slow.seen} == {
        revision: changes for revision, changes in committed.items() if revision in slow.seen
    }
