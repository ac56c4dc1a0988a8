"""The positions of secrets in a text, and in the arguments of a command.

In a text these are tokens, passwords of URLs, and values that are assigned to the name of a
secret. In arguments they are also values of flags, headers and variables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..variables import REFERENCE
from . import patterns

#: user:password@ of a URL; the password ends at the last @ before a slash
_USERINFO = re.compile(r"\b[A-Za-z][\w+.-]{0,30}://[^\s/?#:@]*:([^\s/?#]+)@")
_QUERY = re.compile(r"[?&;]([\w.-]+)=([^&#\s\"']+)")
#: NAME=value and --name value, as in a shell command
_ASSIGNED = re.compile(r"(?<![\w?&;-])([A-Za-z_]\w*)=(\"[^\"]+\"|'[^']+'|[^\s\"']+)")
_FLAG = re.compile(r"(?<!\S)--?([A-Za-z][\w-]*)[= ](\"[^\"]+\"|'[^']+'|[^\s\"'-][^\s\"']*)")
_SCHEME = re.compile(r"(?:Bearer|Basic|Token|Digest|ApiKey|Api-Key|Bot|Key)\s+", re.IGNORECASE)
_AFTER_BEARER = re.compile(r"\bBearer\s+([^\s\"']+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """The position of a secret in a text."""

    start: int
    end: int
    #: what it looks like, for messages
    what: str
    #: the name of the secret, such as ``api_key``, if the text says it
    name: str = ""
    #: whether it is certain enough to be reported
    sure: bool = True


def find_in_text(text: str) -> list[Span]:
    """Return the secrets in a text, in order and without overlap, except references."""
    if len(text) < 4:
        return []
    found = sorted(_all(text), key=lambda span: (span.start, -span.end, not span.sure))
    kept: list[Span] = []
    for span in found:
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


def is_secret(value: str) -> bool:
    """Return whether the value of a secret's name is a literal secret, not a placeholder."""
    text = without_scheme(value)
    if REFERENCE.search(text) or "://" in text:
        return any(span.sure for span in find_in_text(text))
    return not patterns.is_plain(text)


def replace(text: str, found: Sequence[Span], by: Callable[[Span], str]) -> str:
    """Return the text with each secret replaced by the result of ``by``."""
    parts, end = [], 0
    for span in found:
        parts += [text[end : span.start], by(span)]
        end = span.end
    return "".join([*parts, text[end:]])


def without_scheme(value: str) -> str:
    """Return the value of a header without its scheme, such as Bearer."""
    found = _SCHEME.match(value)
    return value[found.end() :] if found else value


def _all(text: str) -> Iterator[Span]:
    for start, end, what in patterns.tokens(text):
        yield Span(start, end, what, sure=not patterns.is_placeholder(text[start:end]))
    for found in _USERINFO.finditer(text):
        yield from _if_literal(found, 1, "the password of a URL", "password")
    for found in _AFTER_BEARER.finditer(text):
        yield from _if_literal(found, 1, "a bearer token", "token")
    for pattern in (_QUERY, _ASSIGNED, _FLAG):
        for found in pattern.finditer(text):
            value = found[2].strip("\"'")
            if patterns.is_secret_name(found[1]) and not patterns.is_harmless(value):
                yield from _if_literal(found, 2, f"the value of {found[1]!r}", found[1])


def _if_literal(found: re.Match[str], group: int, what: str, name: str) -> Iterator[Span]:
    if not REFERENCE.search(found[group]):
        sure = not patterns.is_plain(found[group].strip("\"'"))
        yield Span(*found.span(group), what, name, sure)


_ARGUMENT = re.compile(r"--?([A-Za-z][\w.-]*)(?:=(.*))?", re.DOTALL)
_HEADER_FLAGS = frozenset(("H", "header", "headers"))
_VARIABLE_FLAGS = frozenset(("e", "env"))
_HEADER = re.compile(r"([\w-]+)\s*:\s*(?=\S)")
_VARIABLE = re.compile(r"([A-Za-z_]\w*)=(?=.)")


def find_in_arguments(args: Sequence[str]) -> list[list[Span]]:
    """Return the secrets of each argument of a command.

    Values of headers and variables that are passed on are included whatever they are, as under
    ``headers`` and ``env``. If nothing else indicates a secret, ``sure`` is false.
    """
    found: list[list[Span]] = []
    flag = ""
    for arg in args:
        found.append(_tidy(_in_argument(arg, flag)))
        match = _ARGUMENT.fullmatch(arg)
        flag = match[1] if match and match[2] is None else ""
    return found


def _in_argument(arg: str, flag: str) -> Iterator[Span]:
    """Yield the secrets of an argument; ``flag`` is the one before it that may take a value."""
    match = _ARGUMENT.fullmatch(arg)
    if match and match[2] is not None:
        yield from _value(arg, match.start(2), match[1], strict=False)
    elif match is None and flag:
        # It is unknown whether the flag takes a value, so the value must look like a secret.
        yield from _value(arg, 0, flag, strict=True)
    variable = _VARIABLE.match(arg)
    if variable and patterns.is_secret_name(variable[1]):
        yield from _literal(arg, variable.end(), variable[1], strict=False)
    yield from find_in_text(arg)


def _value(arg: str, start: int, flag: str, *, strict: bool) -> Iterator[Span]:
    inner = {**dict.fromkeys(_HEADER_FLAGS, _HEADER), **dict.fromkeys(_VARIABLE_FLAGS, _VARIABLE)}
    pattern = inner.get(flag)
    named = pattern.match(arg, start) if pattern else None
    if named:
        yield from _literal(arg, named.end(), named[1], strict=False)
    elif patterns.is_secret_name(flag) and not (strict and patterns.is_harmless(arg)):
        yield from _literal(arg, start, flag, strict=strict)


def _literal(arg: str, start: int, name: str, *, strict: bool) -> Iterator[Span]:
    rest = arg[start:]
    start += len(rest) - len(without_scheme(rest))
    value = arg[start:]
    if value and not REFERENCE.search(value):
        secret = patterns.is_secret_name(name) and is_secret(value)
        sure = secret and (not strict or _is_random(value))
        yield Span(start, len(arg), f"the value of {name!r}", name, sure)


def _is_random(value: str) -> bool:
    """Return whether it looks random, unlike the name of a package that follows a flag."""
    return len(value) >= 8 and any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def _tidy(found: Iterator[Span]) -> list[Span]:
    """Return the spans in order without overlap, preferring the longest and surest."""
    kept: list[Span] = []
    for span in sorted(found, key=lambda span: (span.start, -span.end, not span.sure)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept
