"""What a receiving process counts, and how the benchmark asks it.

The receiver prints ``ready``; then, for each mark that all of its sockets have got, the number
of the mark. A line ``FIRST LAST`` on its standard input is answered by a line of JSON about
the marks in that range; the end of the input ends it.
"""

from __future__ import annotations

import json
import sys
import time
from array import array
from collections import defaultdict

from .figures import percentile


class Arrivals:
    """The delays of each mark, in seconds, over ``sockets`` receivers."""

    def __init__(self, sockets: int) -> None:
        self.sockets = sockets
        self._delays: defaultdict[int, array[float]] = defaultdict(lambda: array("d"))
        self._completed: dict[int, float] = {}

    def add(self, number: int, stamp: float, now: float) -> None:
        delays = self._delays[number]
        delays.append(now - stamp)
        if len(delays) == self.sockets:
            self._completed[number] = now
            say(str(number))

    def report(self, first: int, last: int) -> str:
        """JSON about the marks from ``first`` to before ``last``."""
        numbers = range(first, last)
        delays = [delay for number in numbers for delay in self._delays.get(number, ())]
        lost = sum(self.sockets - len(self._delays.get(number, ())) for number in numbers)
        return json.dumps(
            {
                "delivered": len(delays),
                "lost": lost,
                "p50": percentile(delays, 0.5) if delays else None,
                "p99": percentile(delays, 0.99) if delays else None,
                "until": max((self._completed.get(n, 0.0) for n in numbers), default=0.0),
            }
        )

    def answer(self, line: str) -> None:
        first, last = map(int, line.split())
        say(self.report(first, last))


def now() -> float:
    return time.monotonic()


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
