"""Literal secrets that had better be references, and how these would be written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import json_path
from . import patterns, spans
from .masks import MASK, PAIRS, is_url
from .spans import Span


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """A literal secret, where it stands, and what could stand there instead."""

    #: as ``env.GITHUB_TOKEN``
    where: str
    #: what it looks like; never the value
    what: str
    #: the value with a reference in place of the secret
    instead: str

    def __str__(self) -> str:
        return (
            f"{self.where} holds {self.what}: put it into an environment variable and write"
            f" {self.instead!r}"
        )


def advice(server: Mapping[str, Any]) -> list[Advice]:
    """The literal secrets of one server, which had better be references."""
    own = {key: part for key, part in server.items() if key != "internal"}
    return list(_advised(own, "", "", ""))


def _advised(node: Any, key: str, parent: str, where: str) -> Iterator[Advice]:
    if isinstance(node, Mapping):
        for name, part in node.items():
            yield from _advised(part, name, key, json_path.under(where, name))
    elif isinstance(node, list | tuple):
        texts = [one if isinstance(one, str) else "" for one in node]
        found = (
            spans.find_in_arguments(texts)
            if key == "args"
            else [_secrets_in(t, key) for t in texts]
        )
        for index, (one, inner) in enumerate(zip(node, found, strict=True)):
            place = json_path.under(where, index)
            if isinstance(one, str):
                yield from _told(one, inner, key, parent, place)
            else:
                yield from _advised(one, key, parent, place)
    elif isinstance(node, str):
        yield from _told(node, _secrets_in(node, key), key, parent, where)


def _secrets_in(text: str, name: str) -> list[Span]:
    """The secrets in what stands under a name."""
    found = spans.find_in_text(text)
    if not found and patterns.is_secret_name(name) and spans.is_secret(text):
        start = len(text) - len(spans.without_scheme(text))
        return [Span(start, len(text), f"the value of {name!r}", name)]
    return found


def _told(text: str, found: Sequence[Span], key: str, parent: str, where: str) -> Iterator[Advice]:
    sure = [span for span in found if span.sure]
    if not sure:
        return
    what = " and ".join(dict.fromkeys(span.what for span in sure))
    if parent in PAIRS and not is_url(text):
        # Nothing else of it is shown either.
        scheme = len(text) - len(spans.without_scheme(text))
        found = [Span(scheme, len(text), what, sure[0].name)]
    instead = spans.replace(
        text, found, lambda span: f"${{{_variable(span.name or key)}}}" if span.sure else MASK
    )
    yield Advice(where=where, what=what, instead=instead)


def _variable(name: str) -> str:
    """A name of an environment variable: X-Api-Key is X_API_KEY."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)).strip("_")
    return "TOKEN" if words.upper() in ("", "AUTHORIZATION", "ARGS", "URL") else words.upper()
