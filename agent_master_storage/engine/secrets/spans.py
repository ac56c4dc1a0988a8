"""Where in a text secrets stand: tokens, passwords of URLs, what is assigned to a secret name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..variables import REFERENCE
from . import shapes

#: user:password@ of a URL; the password ends at the last @ before a slash
_USERINFO = re.compile(r"\b[A-Za-z][\w+.-]{0,30}://[^\s/?#:@]*:([^\s/?#]+)@")
_QUERY = re.compile(r"[?&;]([\w.-]+)=([^&#\s\"']+)")
#: NAME=value and --name value, as in a line for a shell
_ASSIGNED = re.compile(r"(?<![\w?&;-])([A-Za-z_]\w*)=(\"[^\"]+\"|'[^']+'|[^\s\"']+)")
_FLAG = re.compile(r"(?<!\S)--?([A-Za-z][\w-]*)[= ](\"[^\"]+\"|'[^']+'|[^\s\"'-][^\s\"']*)")
_SCHEME = re.compile(r"(?:Bearer|Basic|Token|Digest|ApiKey|Api-Key|Bot|Key)\s+", re.IGNORECASE)
_AFTER_BEARER = re.compile(r"\bBearer\s+([^\s\"']+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text that is a secret."""

    start: int
    end: int
    #: for people: what it looks like
    what: str
    #: of what holds it, as ``api_key``; empty when it says none
    name: str = ""
    #: whether it is one for certain enough to tell people of it
    sure: bool = True


def find(text: str) -> list[Span]:
    """What must not be shown of a text, in order, without overlap. References are none of it."""
    if len(text) < 4:
        return []
    found = sorted(_all(text), key=lambda span: (span.start, -span.end, not span.sure))
    kept: list[Span] = []
    for span in found:
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


def is_secret(value: str) -> bool:
    """Whether what stands under a secret's name is one: a literal, and no placeholder."""
    text = without_scheme(value)
    if REFERENCE.search(text) or "://" in text:
        return any(span.sure for span in find(text))
    return not shapes.is_plain(text)


def replace(text: str, found: Sequence[Span], by: Callable[[Span], str]) -> str:
    """The text with something else in place of each secret."""
    parts, end = [], 0
    for span in found:
        parts += [text[end : span.start], by(span)]
        end = span.end
    return "".join([*parts, text[end:]])


def without_scheme(value: str) -> str:
    """The value of a header without its first word, such as Bearer."""
    found = _SCHEME.match(value)
    return value[found.end() :] if found else value


def _all(text: str) -> Iterator[Span]:
    for start, end, what in shapes.tokens(text):
        yield Span(start, end, what, sure=not shapes.is_placeholder(text[start:end]))
    for found in _USERINFO.finditer(text):
        yield from _if_literal(found, 1, "the password of a URL", "password")
    for found in _AFTER_BEARER.finditer(text):
        yield from _if_literal(found, 1, "a bearer token", "token")
    for pattern in (_QUERY, _ASSIGNED, _FLAG):
        for found in pattern.finditer(text):
            value = found[2].strip("\"'")
            if shapes.is_secret_name(found[1]) and not shapes.is_harmless(value):
                yield from _if_literal(found, 2, f"the value of {found[1]!r}", found[1])


def _if_literal(found: re.Match[str], group: int, what: str, name: str) -> Iterator[Span]:
    if not REFERENCE.search(found[group]):
        sure = not shapes.is_plain(found[group].strip("\"'"))
        yield Span(*found.span(group), what, name, sure)
