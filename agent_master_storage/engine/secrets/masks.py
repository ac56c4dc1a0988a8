"""Masking of literal secrets, and restoring them after an edit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .. import json_path
from ..exceptions import InvalidDocument
from ..variables import REFERENCE
from . import patterns, spans
from .spans import Span

#: what a secret is replaced by
MASK = "********"
#: the same on the new side of a diff, if the secret has changed
CHANGED = f"{MASK} (changed)"

#: keys of objects in which all values are masked
PAIRS = frozenset({"env", "headers", "http_headers", "environment"})

_URL = re.compile(r"[A-Za-z][\w+.-]{0,30}://\S+")
_SCHEMES = re.compile(r"\s*(?:Bearer|Basic|Token|Digest|ApiKey|Bot)?\s*", re.IGNORECASE)


def mask(value: Any) -> Any:
    """Return a copy of any JSON value in which secrets are masked."""
    return _mask(value, "")


def mask_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of one server's configuration in which secrets are masked."""
    return {key: _mask(part, key) for key, part in config.items()}


def mask_text(text: str) -> str:
    """Return a text, such as a log message, in which secrets of known forms are masked."""
    return _masked(text, spans.find_in_text(text))


def is_url(text: str) -> bool:
    """Return whether a text is a URL and nothing else."""
    return _URL.fullmatch(text) is not None


def mask_both(before: Any, after: Any) -> tuple[Any, Any]:
    """Mask both sides of a diff. If a secret has changed, the second side says so."""
    shown = (mask(before), mask(after))
    return shown[0], _marked(before, after, *shown)


def _masked(text: str, found: Sequence[Span]) -> str:
    return spans.replace(text, found, lambda _: MASK)


def _mask(node: Any, key: str) -> Any:
    if isinstance(node, Mapping):
        return {name: _mask_member(node, name, part, key) for name, part in node.items()}
    if isinstance(node, list | tuple):
        return _mask_list(node, key)
    if isinstance(node, str):
        secret = key in PAIRS or patterns.is_secret_name(key)
        return _mask_literal(node) if secret else mask_text(node)
    return node


def _mask_member(parent: Mapping[str, Any], name: str, value: Any, key: str) -> Any:
    if key in PAIRS:
        return (
            _mask(value, key) if isinstance(value, Mapping | list | tuple) else _mask_literal(value)
        )
    if parent.get("password") is True and name in ("default", "value"):
        return _mask_literal(value)
    return _mask(value, name)


def _mask_list(node: Sequence[Any], key: str) -> list[Any]:
    if key == "args" and all(isinstance(one, str) for one in node):
        found = spans.find_in_arguments(node)
        return [_masked(one, inner) for one, inner in zip(node, found, strict=True)]
    return [_mask(one, key) for one in node]


def _mask_literal(value: Any) -> Any:
    """Mask a value except its references, and harmless text between them."""
    if value is None or value == "":
        return value
    text = value if isinstance(value, str) else str(value)
    if not REFERENCE.search(text):
        scheme = len(text) - len(spans.without_scheme(text))
        return text[:scheme] + MASK
    if is_url(text):
        return mask_text(text)
    parts, end = [], 0
    for found in REFERENCE.finditer(text):
        parts += [_mask_between(text[end : found.start()]), _mask_default(found)]
        end = found.end()
    return "".join([*parts, _mask_between(text[end:])])


def _mask_between(text: str) -> str:
    plain = not text or _SCHEMES.fullmatch(text) or patterns.is_harmless(text)
    return text if plain else MASK


def _mask_default(found: re.Match[str]) -> str:
    head, mark, default = found[0][:-1].partition(":-")
    if not mark or REFERENCE.search(default) or patterns.is_harmless(default):
        return found[0]
    return f"{head}{mark}{MASK}}}"


def _marked(before: Any, after: Any, shown_before: Any, shown: Any) -> Any:
    """Mark the masks that are equal on both sides although the secrets differ."""
    if isinstance(after, Mapping) and isinstance(before, Mapping):
        return {
            key: _marked(before[key], part, shown_before[key], shown[key])
            if key in before
            else shown[key]
            for key, part in after.items()
        }
    if isinstance(after, list | tuple) and isinstance(before, list | tuple):
        pairs = zip(before, after, shown_before, shown, strict=False)
        return [*(_marked(*four) for four in pairs), *shown[len(before) :]]
    if before != after and shown_before == shown and isinstance(shown, str):
        return shown.replace(MASK, CHANGED)
    return shown


def restore(edited: Any, original: Any) -> Any:
    """Return an edited, masked document in which the masks are replaced by the original secrets.

    Args:
        edited: The masked document after an edit.
        original: The document with its secrets.

    Raises:
        InvalidDocument: With the path of a mask whose secret is unknown.
    """
    found = _restored(edited, mask(original), original)
    path = next(_masks(found, ""), None)
    if path is not None:
        raise InvalidDocument("is a mask instead of a value: type the value", path)
    return found


def _restored(edited: Any, shown: Any, original: Any) -> Any:
    if edited == shown:
        return original
    if isinstance(edited, Mapping) and isinstance(shown, Mapping):
        return {
            key: _restored(part, shown[key], original[key]) if key in shown else part
            for key, part in edited.items()
        }
    if isinstance(edited, list) and isinstance(shown, list):
        return _restored_list(edited, shown, original)
    return edited


def _restored_list(edited: list[Any], shown: list[Any], original: list[Any]) -> list[Any]:
    """Restore the items of a list, which may have been moved.

    An item is identified by its masked text and the item before it, such as its flag. If that is
    ambiguous, its mask is kept: a secret in the wrong position is worse than one that must be
    typed again.
    """
    same_length = len(edited) == len(shown)
    found = []
    for index, one in enumerate(edited):
        equal = [at for at, seen in enumerate(shown) if seen == one]
        following = [at for at in equal if _previous(shown, at) == _previous(edited, index)]
        if same_length and index in following:
            following = [index]
        candidates = [original[at] for at in following or equal]
        if not candidates and index < len(shown):
            found.append(_restored(one, shown[index], original[index]))
        elif candidates and all(other == candidates[0] for other in candidates):
            found.append(candidates[0])
        else:
            found.append(one)
    return found


def _previous(items: list[Any], index: int) -> Any:
    return items[index - 1] if index else None


def _masks(node: Any, where: str) -> Iterator[str]:
    if isinstance(node, str) and MASK in node:
        yield where
    elif isinstance(node, Mapping):
        for key, part in node.items():
            yield from _masks(part, json_path.under(where, key))
    elif isinstance(node, list):
        for index, part in enumerate(node):
            yield from _masks(part, json_path.under(where, index))
