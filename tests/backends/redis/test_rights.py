"""The rules of docs/redis.md, on every kind of server."""

from __future__ import annotations

import asyncio

import redis

from agent_master_storage import Check, Delete, Write
from agent_master_storage.backends.redis.signals import Notifications, Tracking
from agent_master_storage.testing import take

from .acl import rules
from .stores import empty, make_storage


def test_the_documented_rules_are_enough(engine: redis.Redis, server: str) -> None:
    empty("rights", server)
    engine.execute_command("ACL", "SETUSER", "app", "reset", "on", ">secret", *rules("rights"))
    storage = make_storage("rights", server.replace("redis://", "redis://app:secret@"))
    engine.set("rights:theirs", b"v")
    assert storage.write("k", b"v") == 1
    assert storage.list() == ["k", "theirs"]
    assert isinstance(storage._tracker._signal, Tracking)
    assert storage.snapshot().revision == 2
    with storage.changes(since=0) as changes:
        take(changes, 2)
        engine.set("rights:k", b"theirs")
        assert take(changes, 1)[0].value == b"theirs"
    storage.commit([Write("a", b""), Delete("k"), Check("theirs", 2)])
    storage.compact(2)
    storage.commit([Write(f"large{number}", b"") for number in range(150)])
    assert asyncio.run(storage.ahistory())[0].revision == 3
    asyncio.run(storage.acommit([Write(f"large{number}", b"") for number in range(150)]))
    storage.new_epoch()
    notifications = Notifications.open(storage._server, storage._names)
    assert not notifications.complete
    notifications.close()
    storage.close()
