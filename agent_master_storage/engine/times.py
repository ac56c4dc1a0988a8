"""Times and durations as Go's encoding/json writes them.

A time is RFC 3339 with up to nine decimals. A datetime has only six, so times are kept as text
and parsed on demand. A duration is an int of nanoseconds.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

#: what Go writes for a time that has never been set
NEVER = "0001-01-01T00:00:00Z"

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def now() -> str:
    """Return the current time in UTC, in nanoseconds without trailing zeros."""
    return from_nanoseconds(time.time_ns())


def from_nanoseconds(nanoseconds: int) -> str:
    """Convert nanoseconds since 1970 to a time."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    decimals = f".{rest:09}".rstrip("0") if rest else ""
    return f"{text}{decimals}Z"


def parse(text: str) -> datetime:
    """Return an aware datetime, truncated to microseconds.

    Raises:
        ValueError: If ``text`` is not an RFC 3339 time.
    """
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError(f"not an RFC 3339 time: {text[:40]!r}")
    day, clock, decimals, zone = found.groups()
    return datetime.fromisoformat(f"{day}T{clock}.{(decimals or '0')[:6]:0<6}{zone.upper()}")


def check(text: str) -> str:
    """Return ``text`` with the capital T and Z that Go requires, if parse() accepts it."""
    parse(text)
    return text.upper()
