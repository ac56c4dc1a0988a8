"""Reports of literal secrets that should be references, and how to write these."""

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
    """A literal secret, where it is, and what to write instead."""

    #: the path, such as ``env.GITHUB_TOKEN``
    where: str
    #: what it looks like; never the value
    what: str
    #: the value with a reference in place of the secret
    instead: str

    def __str__(self) -> str:
        return (
            f"{self.where} contains {self.what}: move it to an environment variable and write"
            f" {self.instead!r}"
        )


def advice(server: Mapping[str, Any]) -> list[Advice]:
    """Return the literal secrets of one server, which should be references."""
    own = {key: part for key, part in server.items() if key != "internal"}
    return list(_find(own, "", "", ""))


def _find(node: Any, key: str, parent: str, where: str) -> Iterator[Advice]:
    if isinstance(node, Mapping):
        for name, part in node.items():
            yield from _find(part, name, key, json_path.under(where, name))
    elif isinstance(node, list | tuple):
        texts = [one if isinstance(one, str) else "" for one in node]
        found = (
            spans.find_in_arguments(texts)
            if key == "args"
            else [_secrets_in(t, key) for t in texts]
        )
        for index, (one, inner) in enumerate(zip(node, found, strict=True)):
            path = json_path.under(where, index)
            if isinstance(one, str):
                yield from _advice_about(one, inner, key, parent, path)
            else:
                yield from _find(one, key, parent, path)
    elif isinstance(node, str):
        yield from _advice_about(node, _secrets_in(node, key), key, parent, where)


def _secrets_in(text: str, name: str) -> list[Span]:
    """Return the secrets in a text whose key is ``name``."""
    found = spans.find_in_text(text)
    if not found and patterns.is_secret_name(name) and spans.is_secret(text):
        start = len(text) - len(spans.without_scheme(text))
        return [Span(start, len(text), f"the value of {name!r}", name)]
    return found


def _advice_about(
    text: str, found: Sequence[Span], key: str, parent: str, where: str
) -> Iterator[Advice]:
    sure = [span for span in found if span.sure]
    if not sure:
        return
    what = " and ".join(dict.fromkeys(span.what for span in sure))
    if parent in PAIRS and not is_url(text):
        # The rest of such a value is masked too, so none of it is shown.
        scheme = len(text) - len(spans.without_scheme(text))
        found = [Span(scheme, len(text), what, sure[0].name)]
    instead = spans.replace(
        text, found, lambda span: f"${{{_variable(span.name or key)}}}" if span.sure else MASK
    )
    yield Advice(where=where, what=what, instead=instead)


def _variable(name: str) -> str:
    """Return the name of an environment variable, such as X_API_KEY for X-Api-Key."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)).strip("_")
    return "TOKEN" if words.upper() in ("", "AUTHORIZATION", "ARGS", "URL") else words.upper()
