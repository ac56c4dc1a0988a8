"""How much the server is asked at once: what keeps it from others does not grow with the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from agent_master_storage import Write
from agent_master_storage.backends.redis import RedisStorage
from agent_master_storage.backends.redis.comparing import COMPARED_AT_ONCE
from agent_master_storage.backends.redis.read import ENTRIES_AT_ONCE, KEYS_AT_ONCE

from .parts import overheard

KEYS = 2500
#: records of the log that history.lua looks at, if they are as small as can be
RECORDS_AT_ONCE = 256


@pytest.fixture
def storage(make: Callable[..., RedisStorage], engine: redis.Redis, prefix: str) -> RedisStorage:
    """A store of many small keys, which an engine wrote."""
    engine.mset({f"{prefix}:k{number:05}": b"" for number in range(KEYS)})
    return make()


@pytest.fixture
def heard(storage: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    return overheard(storage, monkeypatch)


def largest(heard: list[tuple[Any, Any]]) -> tuple[int, int]:
    """Words of a question, and of an answer."""
    answers = (answer for _, answer in heard if isinstance(answer, list))
    return max(len(question.arguments) for question, _ in heard), max(map(len, answers))


def test_adoption_and_comparing(storage: Any, heard: list[tuple[Any, Any]]) -> None:
    for _ in range(2):
        storage._tracker._sweeper.sweep()
        asked, answered = largest(heard)
        # Nobody promises how many names one SCAN returns; it is about COUNT.
        assert COMPARED_AT_ONCE / 2 < asked <= COMPARED_AT_ONCE + 20
        assert answered <= KEYS_AT_ONCE
    assert storage.revision == KEYS


def test_reading(storage: Any, heard: list[tuple[Any, Any]]) -> None:
    assert len(storage.list()) == KEYS
    heard.clear()
    assert len(storage.list()) == KEYS
    assert largest(heard)[1] == KEYS_AT_ONCE
    heard.clear()
    assert len(storage.entries()) == KEYS
    assert largest(heard)[1] == 3 + 3 * ENTRIES_AT_ONCE


def test_history(storage: Any, heard: list[tuple[Any, Any]]) -> None:
    storage.list()
    for first in range(0, KEYS, 50):
        storage.commit([Write(f"k{number:05}", b"new") for number in range(first, first + 50)])
    heard.clear()
    assert len(storage.history()) == 2 * KEYS
    assert largest(heard)[1] == 4 + RECORDS_AT_ONCE
    heard.clear()
    assert len(storage.history("k00001")) == 2
    assert len(heard) > 2 * KEYS / RECORDS_AT_ONCE
