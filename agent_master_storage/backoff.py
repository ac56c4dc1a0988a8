"""Delays between attempts: exponential backoff between two bounds."""

from __future__ import annotations

import random


class Backoff:
    """Doubles from ``first`` to ``last`` seconds until it is reset.

    Args:
        first: The delay after the first failure, in seconds.
        last: The longest delay, in seconds.
        jitter: The fraction of a delay, from 0 to 1, that is random, so that callers that failed
            at the same moment do not retry at the same moment.
    """

    def __init__(self, first: float, last: float, *, jitter: float = 0.0) -> None:
        self._first = first
        self._last = last
        self._jitter = jitter
        self.failures = 0

    def next(self) -> float:
        """Count a failure and return the seconds to wait before the next attempt."""
        # The exponent is bounded, because the failures of a long outage are not.
        delay = min(self._first * 2 ** min(self.failures, 32), self._last)
        self.failures += 1
        return delay * (1 - self._jitter * random.random())

    def reset(self) -> None:
        """Start over: an attempt succeeded."""
        self.failures = 0
