"""Two values, compared line by line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import unified_diff
from itertools import islice

from . import jsontext
from .content import SHOWN_SIZE, Content, is_json

#: lines of a value that are compared; more take seconds
MAX_LINES = 5000
_CONTEXT = 3
_CLASSES = {"+": "added", "-": "removed", "@": "place"}


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line, and the class under which the style sheet knows it."""

    text: str
    css: str


@dataclass(frozen=True, kw_only=True)
class Diff:
    """What differs, or why that is not shown."""

    lines: list[DiffLine] = field(default_factory=list)
    note: str = ""


def compare(before: Content | None, after: Content | None) -> Diff:
    """Compare two values; None is a missing one."""
    if before is None and after is None:
        return Diff(note="There is no value on either side.")
    one, other = before or Content(b""), after or Content(b"")
    if before and after and one.value == other.value:
        return Diff(note="The values are the same, byte by byte.")
    if not (one.shown and other.shown):
        return Diff(note=f"Values of more than {SHOWN_SIZE // 1024} KiB are not compared here.")
    if one.text is None or other.text is None:
        return Diff(note=f"Binary: {_size(before)} before, {_size(after)} after.")
    return _compare_texts(one.text, other.text)


def of_text(text: str) -> Diff:
    """A unified diff that was made already, of JSON documents with a head for each."""
    lines = text.split("\n") if text else []
    if len(lines) > MAX_LINES:
        return Diff(note=f"A diff of more than {MAX_LINES:,} lines is not shown here.")
    heads = ("--- ", "+++ ")
    return Diff(
        lines=[
            DiffLine(line.text, "place") if line.text.startswith(heads) else line
            for line in _classed(lines)
        ]
    )


def _compare_texts(one: str, other: str) -> Diff:
    if not one and not other:
        return Diff(note="The value is empty.")
    if all(not text or is_json(text) for text in (one, other)):
        diff = _unified(jsontext.pretty(one), jsontext.pretty(other))
        if diff.lines or diff.note:
            return diff
        return Diff(lines=_unified(one, other).lines, note="The same document, in another layout.")
    return _unified(one, other)


def _unified(one: str, other: str) -> Diff:
    before, after = _lines(one), _lines(other)
    if max(len(before), len(after)) > MAX_LINES:
        return Diff(note=f"Values of more than {MAX_LINES:,} lines are not compared here.")
    lines = islice(unified_diff(before, after, lineterm="", n=_CONTEXT), 2, None)
    return Diff(lines=_classed(lines))


def _classed(lines: Iterable[str]) -> list[DiffLine]:
    return [DiffLine(line, _CLASSES.get(line[:1], "")) for line in lines]


def _lines(text: str) -> list[str]:
    # Shown, so that a change of nothing but line ends can be seen.
    return text.replace("\r", "␍").split("\n") if text else []


def _size(content: Content | None) -> str:
    return "nothing" if content is None else f"{content.size:,} bytes"
