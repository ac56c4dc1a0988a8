"""Marks inside values: which one it is, and when its writing began.

``time.monotonic()`` is one clock for all processes of a machine.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

VALUE_SIZE = 256

find = re.compile(rb"@(\d+) ([\d.]+)@").findall


def value(number: int) -> bytes:
    """A value that is stamped now."""
    return (b"@%d %.6f@" % (number, time.monotonic())).ljust(VALUE_SIZE, b".")


def paced(numbers: range, per_second: float, send: Callable[[int], object]) -> None:
    """Call ``send(number)`` at an even pace; a late call does not delay those after it."""
    start = time.monotonic()
    for index, number in enumerate(numbers):
        time.sleep(max(0.0, start + index / per_second - time.monotonic()))
        send(number)
