"""The types: frozen, by keyword but for the three operations, and exported."""

from __future__ import annotations

import dataclasses
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

import agent_master_storage
from agent_master_storage import Change, Check, Delete, Entry, Snapshot, Write

NOW = datetime.now(UTC)
ENTRY = Entry(key="k", value=b"v", revision=2, created_revision=1, updated_at=NOW, actor="me")
CHANGE = Change(type="write", key="k", value=b"v", revision=2, previous_revision=1, at=NOW)
EXAMPLES = [
    ENTRY, CHANGE, Snapshot(revision=2, epoch="e", entries=[ENTRY]),
    Write("k", b"v", 3), Delete("k", 3), Check("k", 3),
]  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_they_are_frozen_and_equal_by_value(example: Any) -> None:
    field = dataclasses.fields(example)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(example, field, "other")
    assert pickle.loads(pickle.dumps(example)) == example
    assert dataclasses.replace(example) == example


@pytest.mark.parametrize("kind", [Entry, Change, Snapshot])
def test_keywords_only(kind: type) -> None:
    count = len(dataclasses.fields(kind))
    with pytest.raises(TypeError):
        kind(*range(count))


def test_operations_take_this_order() -> None:
    assert Write("k", b"v") == Write(key="k", data=b"v", if_revision=None)
    assert Delete("k") == Delete(key="k", if_revision=None)
    assert Check("k", 0) == Check(key="k", revision=0)
    with pytest.raises(TypeError):
        Check("k")  # type: ignore[call-arg]


def test_the_public_surface() -> None:
    for name in agent_master_storage.__all__:
        assert hasattr(agent_master_storage, name)
    assert agent_master_storage.storage.alias == "default"
