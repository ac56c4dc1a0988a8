"""watch(): handlers of a key's changes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from asgiref.sync import async_to_sync

from .base import TIMEOUT, Contract, Recorder, assert_equal, assert_raises, assert_true


class WatchContract(Contract):
    """A handler hears every later change of its key, in order, until it is unsubscribed."""

    def test_a_handler_gets_each_value_and_none_for_a_delete(self) -> None:
        seen = Recorder()
        self.storage.watch("k", seen)
        self.storage.write("k", b"one")
        self.storage.write("k", b"")
        self.storage.delete("k")
        self.storage.write("k", b"two")
        assert_equal(seen.wait(4), [b"one", b"", None, b"two"])

    def test_a_handler_is_told_nothing_of_the_past(self) -> None:
        self.storage.write("k", b"before")
        seen = Recorder()
        self.storage.watch("k", seen)
        self.storage.write("k", b"after")
        assert_equal(seen.wait(1), [b"after"])

    def test_a_handler_hears_of_its_key_alone(self) -> None:
        seen = Recorder()
        self.storage.watch("k", seen)
        for other in ("k/", "k:a", "kk", "K", "*", "other"):
            self.storage.write(other, b"no")
        self.storage.write("k", b"yes")
        assert_equal(seen.wait(1), [b"yes"])

    def test_no_character_of_a_watched_key_is_a_wildcard(self) -> None:
        seen = Recorder()
        for key in ("*", "%", "[a]", "a?", "a\\"):
            self.storage.watch(key, seen)
        for other in ("a", "ab", "x"):
            self.storage.write(other, b"no")
        self.storage.write("[a]", b"yes")
        assert_equal(seen.wait(1), [b"yes"])

    def test_the_same_value_again_is_a_change(self) -> None:
        seen = Recorder()
        self.storage.watch("k", seen)
        for _ in range(3):
            self.storage.write("k", b"same")
        assert_equal(seen.wait(3), [b"same"] * 3)

    def test_what_was_refused_is_no_change(self) -> None:
        seen = Recorder()
        self.storage.watch("k", seen)
        attempts: list[Callable[[], object]] = [
            lambda: self.storage.delete("k"),
            lambda: self.storage.write("k", "text"),
            lambda: self.storage.write("k", b"x" * (self.storage.max_value_size + 1)),
        ]
        for attempt in attempts:
            try:
                attempt()
            except (KeyError, ValueError):
                continue
            raise AssertionError("it was not refused")
        self.storage.write("k", b"after")
        assert_equal(seen.wait(1), [b"after"])

    def test_many_changes_come_in_order(self) -> None:
        seen = Recorder()
        self.storage.watch("k", seen)
        values = [b"%d" % number for number in range(300)]
        for value in values:
            self.storage.write("k", value)
        assert_equal(seen.wait_until(values[-1]), values)

    def test_every_handler_hears_all(self) -> None:
        recorders = [Recorder() for _ in range(5)]
        for recorder in recorders:
            self.storage.watch("k", recorder)
        self.storage.watch("k", recorders[0])
        self.storage.write("k", b"one")
        self.storage.write("k", b"two")
        for recorder in recorders[1:]:
            assert_equal(recorder.wait(2), [b"one", b"two"])
        assert_equal(sorted(filter(None, recorders[0].wait(4))), [b"one", b"one", b"two", b"two"])

    def test_unsubscribe_removes_its_handler_and_no_other(self) -> None:
        gone, stays = Recorder(), Recorder()
        unsubscribe = self.storage.watch("k", gone)
        self.storage.watch("k", stays)
        self.storage.write("k", b"one")
        gone.wait(1)
        unsubscribe()
        unsubscribe()
        self.storage.write("k", b"two")
        assert_equal(stays.wait(2), [b"one", b"two"])
        self.storage.write("k", b"three")
        stays.wait(3)
        assert_equal(gone.values, [b"one"])

    def test_a_handler_may_unsubscribe_itself(self) -> None:
        calls, others = Recorder(), Recorder()

        def once(value: bytes | None) -> None:
            calls(value)
            unsubscribe()

        unsubscribe = self.storage.watch("k", once)
        self.storage.watch("k", others)
        for value in (b"one", b"two", b"three"):
            self.storage.write("k", value)
            calls.wait(1)
        others.wait(3)
        assert_equal(calls.values, [b"one"])

    def test_a_key_may_be_watched_again(self) -> None:
        first, second = Recorder(), Recorder()
        self.storage.watch("k", first)()
        self.storage.watch("k", second)
        self.storage.write("k", b"one")
        assert_equal(second.wait(1), [b"one"])
        assert_equal(first.values, [])

    def test_a_handler_that_raises_hears_the_next_change(self) -> None:
        seen, others = Recorder(), Recorder()

        def fail(value: bytes | None) -> None:
            seen(value)
            raise RuntimeError("as the test wants it")

        # What is logged is the adapter's, and no matter to whoever runs the contract.
        logging.disable(logging.CRITICAL)
        try:
            self.storage.watch("k", fail)
            self.storage.watch("k", others)
            for value in (b"one", b"two"):
                self.storage.write("k", value)
            assert_equal(seen.wait(2), [b"one", b"two"])
            assert_equal(others.wait(2), [b"one", b"two"])
        finally:
            logging.disable(logging.NOTSET)
        assert_equal(self.storage.read("k"), b"two")

    def test_a_handler_may_read_the_storage(self) -> None:
        found: list[bytes] = []
        done = threading.Event()

        def read(value: bytes | None) -> None:
            found.append(self.storage.read("other"))
            done.set()

        self.storage.write("other", b"value")
        self.storage.watch("k", read)
        self.storage.write("k", b"")
        assert_true(done.wait(TIMEOUT))
        assert_equal(found, [b"value"])

    def test_what_is_no_handler_is_refused(self) -> None:
        async def coroutine(value: bytes | None) -> None:
            """It would be made, and never run."""

        for handler in (None, b"handler", coroutine, partial(coroutine, None)):
            with assert_raises(TypeError):
                self.storage.watch("k", handler)
        self.storage.write("k", b"")

    def test_the_async_twin(self) -> None:
        seen = Recorder()

        async def use() -> None:
            unsubscribe = await self.storage.awatch("k", seen)
            await self.storage.awrite("k", b"one")
            seen.wait(1)
            unsubscribe()

        async_to_sync(use)()
        assert_equal(seen.values, [b"one"])
