"""Masked documents that somebody edited, with their secrets again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .. import paths
from ..exceptions import InvalidDocument
from .masking import MASK, mask


def restore(edited: Any, original: Any) -> Any:
    """A masked document after an edit, with the secrets of the original wherever they stayed.

    InvalidDocument with the place of a mask that stands for nothing any more.
    """
    found = _restored(edited, mask(original), original)
    place = next(_masks(found, ""), None)
    if place is not None:
        raise InvalidDocument("is a mask in place of a value: type the value", place)
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
        return [_item(index, one, shown, original) for index, one in enumerate(edited)]
    return edited


def _item(index: int, one: Any, shown: list[Any], original: list[Any]) -> Any:
    """Items may have moved: one is looked for where it was, then anywhere."""
    here = index < len(shown)
    if here and shown[index] == one:
        return original[index]
    same = [original[at] for at, seen in enumerate(shown) if seen == one]
    if same:
        # Several that look alike can't be told apart, unless they are.
        return same[0] if all(other == same[0] for other in same) else one
    return _restored(one, shown[index], original[index]) if here else one


def _masks(node: Any, where: str) -> Iterator[str]:
    if isinstance(node, str) and MASK in node:
        yield where
    elif isinstance(node, Mapping):
        for key, part in node.items():
            yield from _masks(part, paths.under(where, key))
    elif isinstance(node, list):
        for index, part in enumerate(node):
            yield from _masks(part, paths.under(where, index))
