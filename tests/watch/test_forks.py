"""Our threads and fork(): none is inside the store while the process is copied."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import pytest

from agent_master_storage import forks
from agent_master_storage.forks import gate


def forked(check: Any) -> bool:
    """Whether ``check()`` is true in a child that is made now."""
    if (child := os.fork()) == 0:
        os._exit(0 if check() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def reader() -> Any:
    """Starts a thread that is inside for so many seconds; returns when it is."""
    threads = []

    def start(seconds: float) -> list[bool]:
        inside, entered = [False], threading.Event()

        def read() -> None:
            with gate.inside():
                inside[0] = True
                entered.set()
                time.sleep(seconds)
                inside[0] = False

        threads.append(threading.Thread(target=read))
        threads[-1].start()
        assert entered.wait(10)
        return inside

    yield start
    for thread in threads:
        thread.join()


def test_a_fork_waits_until_none_is_inside(reader: Any) -> None:
    inside = reader(0.3)
    assert forked(lambda: inside == [False])


def test_a_fork_does_not_wait_for_ever(reader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "GATE_TIMEOUT", 0.01)
    inside = reader(2)
    assert forked(lambda: inside == [True])


def test_both_go_on_after_it(reader: Any) -> None:
    def go_in() -> bool:
        with gate.inside():
            return True

    assert forked(go_in)
    assert go_in()
