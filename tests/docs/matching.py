"""Whether a program printed what a document shows."""

from __future__ import annotations

import re

#: what differs from run to run, and what stands for it on both sides
_VOLATILE = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"), "<time>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<epoch>"),
    (re.compile(r"\b(?:localhost|127\.0\.0\.1):\d+"), "<host>"),
)


def matches(shown: str, printed: str) -> bool:
    """Compare but for layout, times, epochs and ports; ``...`` stands for anything."""
    parts = map(re.escape, _plain(shown).split("..."))
    return re.fullmatch(".*".join(parts), _plain(printed), re.DOTALL) is not None


def _plain(text: str) -> str:
    for pattern, name in _VOLATILE:
        text = pattern.sub(name, text)
    # Documents lay JSON out in lines.
    return "".join(text.split())
