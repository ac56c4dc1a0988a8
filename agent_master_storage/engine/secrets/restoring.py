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
        return _restored_list(edited, shown, original)
    return edited


def _restored_list(edited: list[Any], shown: list[Any], original: list[Any]) -> list[Any]:
    """Items may have moved: one is known by itself and what it follows, such as its flag.

    Two that look alike are told apart no further: a secret in the wrong place is worse than one
    that has to be typed again.
    """
    stayed = len(edited) == len(shown)
    found = []
    for index, one in enumerate(edited):
        alike = [at for at, seen in enumerate(shown) if seen == one]
        following = [at for at in alike if _previous(shown, at) == _previous(edited, index)]
        if stayed and index in following:
            following = [index]
        taken = [original[at] for at in following or alike]
        if not taken and index < len(shown):
            found.append(_restored(one, shown[index], original[index]))
        elif taken and all(other == taken[0] for other in taken):
            found.append(taken[0])
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
            yield from _masks(part, paths.under(where, key))
    elif isinstance(node, list):
        for index, part in enumerate(node):
            yield from _masks(part, paths.under(where, index))
