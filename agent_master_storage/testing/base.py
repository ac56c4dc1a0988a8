"""What the themes of the contract stand on: opening and closing storages, waiting, asserting.

Nothing here needs pytest. The assertions are unittest's, so that failures read the same under
both runners.
"""

from __future__ import annotations

import threading
import time
import unittest
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from ..backends.base import BaseStorage
from ..types import Change, Changes

#: seconds to wait for something that must happen; a passing test waits for none of it
TIMEOUT = 30.0

_case = unittest.TestCase()
_case.maxDiff = 2000

assert_equal = _case.assertEqual
assert_raises = _case.assertRaises
assert_true = _case.assertTrue


class Contract:
    """A mixin of tests for the storage that ``make_storage()`` returns.

    A class whose ``needs`` name a flag that the storage does not have is skipped.
    """

    #: flags of the storage without which the tests of this class say nothing
    needs: ClassVar[tuple[str, ...]] = ()

    #: the storage under test; Any, because its flags say more about it than its type
    storage: Any

    def make_storage(self, **options: Any) -> BaseStorage:
        """Return the adapter; ``options`` are some of its OPTIONS, such as max_value_size.

        The store must be empty when it is called for the first time in a test.
        """
        raise TypeError(f"{type(self).__name__} must define make_storage(self, **options)")

    def open(self, **options: Any) -> Any:
        """make_storage(), closed when the test ends."""
        storage = self.make_storage(**options)
        self._opened.append(storage)
        return storage

    def in_thread(self, function: Callable[[], object]) -> Worker:
        """Start ``function`` in a thread; finish() waits for it and raises what it raised."""
        worker = Worker(function, getattr(self.storage, "release", None))
        worker.start()
        return worker

    # unittest calls setUp() and tearDown(), pytest setup_method() and teardown_method(),
    # and both pairs for a TestCase.

    def setUp(self) -> None:
        parent = getattr(super(), "setUp", None)
        if parent is not None:
            parent()
        self._begin(getattr(self, "_testMethodName", ""))

    def tearDown(self) -> None:
        self._end()
        parent = getattr(super(), "tearDown", None)
        if parent is not None:
            parent()

    def setup_method(self, method: Callable[..., object]) -> None:
        if not isinstance(self, unittest.TestCase):
            self._begin(method.__name__)

    def teardown_method(self, method: Callable[..., object]) -> None:
        if not isinstance(self, unittest.TestCase):
            self._end()

    def _begin(self, test: str) -> None:
        self._opened: list[BaseStorage] = []
        self.storage = self.open()
        for flag in self._needed_by(test):
            if not getattr(self.storage, flag):
                self._end()
                raise unittest.SkipTest(f"{type(self.storage).__name__} has not {flag}")

    def _end(self) -> None:
        while self._opened:
            self._opened.pop().close()

    @classmethod
    def _needed_by(cls, test: str) -> tuple[str, ...]:
        """The needs of the theme that a test comes from; one class may join several."""
        for theme in cls.__mro__:
            if test in vars(theme):
                return getattr(theme, "needs", ())
        return cls.needs


class Worker(threading.Thread):
    """A thread whose errors are not lost."""

    def __init__(
        self, function: Callable[[], object], release: Callable[[], None] | None = None
    ) -> None:
        super().__init__(daemon=True)
        self._function = function
        # A store with connections gives back this thread's.
        self._release = release
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._function()
        except BaseException as error:
            self._error = error
        finally:
            if self._release is not None:
                self._release()

    def finish(self) -> None:
        self.join(TIMEOUT)
        if self._error is not None:
            raise self._error
        if self.is_alive():
            raise AssertionError(f"a thread does not end: {self._function!r}")


class Recorder:
    """A handler that keeps the values it was called with, and can be waited for."""

    def __init__(self) -> None:
        self.values: list[bytes | None] = []
        self._more = threading.Condition()

    def __call__(self, value: bytes | None) -> None:
        with self._more:
            self.values.append(value)
            self._more.notify_all()

    def wait(self, count: int) -> list[bytes | None]:
        """Return all values, at least ``count``; AssertionError when they do not come."""
        with self._more:
            self._more.wait_for(lambda: len(self.values) >= count, TIMEOUT)
            if len(self.values) < count:
                raise AssertionError(f"{len(self.values)} of {count} values came: {self.values}")
            return list(self.values)

    def wait_until(self, value: bytes | None) -> list[bytes | None]:
        """Return all values when the last one is ``value``."""
        with self._more:
            self._more.wait_for(lambda: self.values[-1:] == [value], TIMEOUT)
            if self.values[-1:] != [value]:
                raise AssertionError(f"{value!r} did not come, but {self.values[-10:]}")
            return list(self.values)


def take(changes: Iterator[Change], count: int) -> Changes:
    """The next ``count`` changes; AssertionError when they do not come."""
    watchdog = threading.Timer(TIMEOUT, getattr(changes, "close", lambda: None))
    watchdog.daemon = True
    watchdog.start()
    taken: Changes = []
    try:
        while len(taken) < count:
            taken.append(next(changes))
    except StopIteration:
        raise AssertionError(f"{len(taken)} of {count} changes came: {taken[-10:]}") from None
    finally:
        watchdog.cancel()
    return taken


def wait_for(condition: Callable[[], object], what: str = "it") -> None:
    """Return when ``condition()`` is true; AssertionError when it does not become so."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen in {TIMEOUT:.0f} seconds")
        time.sleep(0.005)
