"""Who did it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser, User

from agent_master_storage import actor
from agent_master_storage.actor import current_actor
from agent_master_storage.backends.memory import MemoryStorage
from agent_master_storage.exceptions import InvalidValue
from agent_master_storage.permissions import actor_name

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


def test_it_is_empty_nested_and_reset() -> None:
    assert current_actor() == ""
    with actor("outer"):
        with actor("inner"):
            assert current_actor() == "inner"
        assert current_actor() == "outer"
        with pytest.raises(RuntimeError), actor("failing"):
            raise RuntimeError
        assert current_actor() == "outer"
    assert current_actor() == ""


@pytest.mark.parametrize(
    "wrong", ["x" * 256, "a\nb", "\x00", "\x7f", "\x85", "\ud800", None, 1, b"name"]
)
def test_what_is_no_name(wrong: Any) -> None:
    with pytest.raises(InvalidValue), actor(wrong):
        raise AssertionError("it was taken")
    assert current_actor() == ""


def test_255_characters_of_any_script(database: Any) -> None:
    for name in ("x" * 255, "🔑" * 255, "Ännchen O'Neil"):
        with actor(name):
            database.write("k", b"")
        assert database.entry("k").actor == name
        assert database.history()[-1].actor == name


def test_it_follows_a_task_and_not_a_foreign_thread(memory: MemoryStorage) -> None:
    async def write() -> None:
        await memory.awrite("task", b"")
        await sync_to_async(memory.write)("thread of the task", b"")

    with actor("me"):
        asyncio.run(write())
        thread = threading.Thread(target=memory.write, args=("foreign", b""))
        thread.start()
        thread.join()
    found = {entry.key: entry.actor for entry in memory.entries()}
    assert found == {"task": "me", "thread of the task": "me", "foreign": ""}


def test_a_delete_has_one_too(memory: MemoryStorage) -> None:
    memory.write("k", b"")
    with actor("remover"):
        memory.delete("k")
    assert memory.history()[-1].actor == "remover"


def test_the_name_of_a_user() -> None:
    assert actor_name(User(username="ann")) == "ann"
    assert actor_name(AnonymousUser()) == ""
    assert actor_name(object()) == ""
    assert actor_name(User(username="a\nb" + "x" * 300)) == "a?b" + "x" * 252
