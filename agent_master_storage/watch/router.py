"""Which subscriptions a key concerns, found without asking each of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Generic, TypeVar

from .log import Selector

T = TypeVar("T")


class Router(Generic[T]):
    """A multimap from selectors to subscriptions.

    Finding those of a key costs a look-up for the key and one for each distinct length of a
    watched prefix, however many subscriptions there are.
    """

    def __init__(self) -> None:
        # dicts as ordered sets
        self._by_key: defaultdict[str, dict[T, None]] = defaultdict(dict)
        self._by_prefix: defaultdict[str, dict[T, None]] = defaultdict(dict)
        self._lengths: defaultdict[int, int] = defaultdict(int)

    def add(self, selector: Selector, item: T) -> None:
        if selector.key is not None:
            self._by_key[selector.key][item] = None
            return
        self._by_prefix[selector.prefix][item] = None
        self._lengths[len(selector.prefix)] += 1

    def remove(self, selector: Selector, item: T) -> None:
        """Forget ``item``, which must have been added under ``selector``."""
        if selector.key is not None:
            _drop(self._by_key, selector.key, item)
            return
        _drop(self._by_prefix, selector.prefix, item)
        self._lengths[len(selector.prefix)] -= 1
        if not self._lengths[len(selector.prefix)]:
            del self._lengths[len(selector.prefix)]

    def match(self, key: str) -> Iterator[T]:
        if key in self._by_key:
            yield from self._by_key[key]
        for length in self._lengths:
            if length <= len(key) and key[:length] in self._by_prefix:
                yield from self._by_prefix[key[:length]]


def _drop(index: dict[str, dict[T, None]], name: str, item: T) -> None:
    items = index[name]
    del items[item]
    if not items:
        del index[name]
