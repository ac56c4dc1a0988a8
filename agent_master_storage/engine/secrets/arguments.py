"""Secrets among the arguments of a command: flags with a value, headers, variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..variables import REFERENCE
from . import shapes, spans
from .spans import Span

_FLAG = re.compile(r"--?([A-Za-z][\w.-]*)(?:=(.*))?", re.DOTALL)
_HEADER_FLAGS = frozenset(("H", "header", "headers"))
_VARIABLE_FLAGS = frozenset(("e", "env"))
_HEADER = re.compile(r"([\w-]+)\s*:\s*(?=\S)")
_VARIABLE = re.compile(r"([A-Za-z_]\w*)=(?=.)")


def find(args: Sequence[str]) -> list[list[Span]]:
    """For each argument the parts of it that are secrets.

    Headers and variables that are passed on are masked whatever they hold, as they are under
    ``headers`` and ``env``: ``sure`` is false where nothing else speaks for a secret.
    """
    found: list[list[Span]] = []
    flag = ""
    for arg in args:
        found.append(_tidy(_in_argument(arg, flag)))
        match = _FLAG.fullmatch(arg)
        flag = match[1] if match and match[2] is None else ""
    return found


def _in_argument(arg: str, flag: str) -> Iterator[Span]:
    """``flag`` is the one before, when it awaits a value."""
    match = _FLAG.fullmatch(arg)
    if match and match[2] is not None:
        yield from _value(arg, match.start(2), match[1], strict=False)
    elif match is None and flag:
        # Whether the flag takes a value is not known, so one must look like a secret.
        yield from _value(arg, 0, flag, strict=True)
    variable = _VARIABLE.match(arg)
    if variable and shapes.is_secret_name(variable[1]):
        yield from _literal(arg, variable.end(), variable[1], strict=False)
    yield from spans.find(arg)


def _value(arg: str, start: int, flag: str, *, strict: bool) -> Iterator[Span]:
    inner = {**dict.fromkeys(_HEADER_FLAGS, _HEADER), **dict.fromkeys(_VARIABLE_FLAGS, _VARIABLE)}
    pattern = inner.get(flag)
    named = pattern.match(arg, start) if pattern else None
    if named:
        yield from _literal(arg, named.end(), named[1], strict=False)
    elif shapes.is_secret_name(flag) and not (strict and shapes.is_harmless(arg)):
        yield from _literal(arg, start, flag, strict=strict)


def _literal(arg: str, start: int, name: str, *, strict: bool) -> Iterator[Span]:
    rest = arg[start:]
    start += len(rest) - len(spans.without_scheme(rest))
    value = arg[start:]
    if value and not REFERENCE.search(value):
        secret = shapes.is_secret_name(name) and spans.is_secret(value)
        sure = secret and (not strict or _is_random(value))
        yield Span(start, len(arg), f"the value of {name!r}", name, sure)


def _is_random(value: str) -> bool:
    """A name of a package or a tool that follows a switch is none."""
    return len(value) >= 8 and any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def _tidy(found: Iterator[Span]) -> list[Span]:
    """In order, without overlap; the longest and surest first."""
    kept: list[Span] = []
    for span in sorted(found, key=lambda span: (span.start, -span.end, not span.sure)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept
