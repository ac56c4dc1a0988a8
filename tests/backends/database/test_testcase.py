"""Inside Django's TestCase: what works, and what can't."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from agent_master_storage import Delete, Write, storages
from agent_master_storage.exceptions import RevisionConflict
from agent_master_storage.models import Change, Entry, State
from agent_master_storage.testing import Recorder

from ...support.children import ROOT

pytestmark = pytest.mark.django_db(databases=["default", "postgres"])

ALIASES = pytest.mark.parametrize("alias", ["default", "postgres"])


@ALIASES
@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_begins_with_nothing(alias: str, turn: int) -> None:
    """Both turns see the first revision: the one before was rolled back."""
    storage = storages[alias]
    assert storage.write("k", b"%d" % turn) == 1
    assert storage.commit([Write("other", b""), Delete("k")]) == 2
    assert storage.list() == ["other"]
    assert len(storage.history()) == 3
    with pytest.raises(RevisionConflict):
        storage.write("other", b"", if_revision=0)
    assert storage.entry("other").revision == 2
    for model in (Entry, State):
        assert model._default_manager.using(storage.using).count() == 1
    assert Change.objects.using(storage.using).count() == 3


@ALIASES
def test_a_watch_hears_nothing_that_is_not_committed(
    alias: str,
    django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[list[Any]]],
) -> None:
    storage, seen = storages[alias], Recorder()
    storage.watch("k", seen)
    follower = storage.changes()
    with django_capture_on_commit_callbacks(using=storage.using, execute=True) as callbacks:
        storage.write("k", b"one")
        storage.write("k", b"two")
    # One wake-up for the transaction, by which the watch looked and found nothing new.
    assert len(callbacks) == 1
    storage.close()
    assert list(follower) == []
    assert seen.values == []
    assert storage.read("k") == b"two"


IN_MEMORY = """
import threading, time
from django.test import TestCase, TransactionTestCase
from agent_master_storage import storage
from agent_master_storage.exceptions import StorageUnavailable
from agent_master_storage.testing import Recorder
from agent_master_storage.testing.base import Worker


class HoldingTest(TestCase):
    def test_a_thread_waits_a_while_and_is_told(self):
        storage.write("k", b"")
        found, began = [], time.monotonic()

        def read():
            try:
                storage.read("k")
            except StorageUnavailable as error:
                found.append(str(error))

        worker = Worker(read)
        worker.start()
        worker.finish()
        self.assertIn("locked", found[0])
        self.assertGreater(time.monotonic() - began, 4)

    def test_a_watch_that_waits_for_the_test_is_not_awaited(self):
        storage.write("k", b"")
        unsubscribe, changes = storage.watch("k", print), storage.changes()
        storage.write("k", b"")
        time.sleep(0.1)
        began = time.monotonic()
        unsubscribe()
        changes.close()
        self.assertLess(time.monotonic() - began, 1.5)

    def test_writing_goes_on_while_a_watch_tries_to_read(self):
        storage.watch("k", print)
        for number in range(300):
            storage.write("k", b"%d" % number)
            time.sleep(0.001)
        self.assertEqual(storage.revision, 300)


class SharingTest(TransactionTestCase):
    def test_threads_write_and_watch(self):
        seen = Recorder()
        storage.watch("k", seen)
        workers = [Worker(lambda: [storage.write("k", b"x") for _ in range(50)]) for _ in "123"]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.finish()
        self.assertEqual(seen.wait(150), [b"x"] * 150)
"""

SETTINGS = """
SECRET_KEY = "only-for-tests"
INSTALLED_APPS = ["agent_master_storage"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "unused.sqlite3"}}
"""


def test_in_memory_as_django_has_it_by_default(tmp_path: Path) -> None:
    (tmp_path / "memory_settings.py").write_text(SETTINGS)
    (tmp_path / "test_in_memory.py").write_text(IN_MEMORY)
    done = subprocess.run(
        [sys.executable, "-m", "django", "test", "test_in_memory"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}", "DJANGO_SETTINGS_MODULE": "memory_settings"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Ran 4 tests" in done.stderr and done.returncode == 0, done.stderr
