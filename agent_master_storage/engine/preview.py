"""What a sync would do, without doing it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .. import serialization as wire
from .secrets import mask_both


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """How a destination differs from what a sync would make of it."""

    destination: str
    #: names of servers
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    #: a unified diff of each server; secrets in it are masked
    diff: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether any server would be added, changed or removed."""
        return bool(self.added or self.changed or self.removed)


Servers = Mapping[str, Mapping[str, Any]]


def compare(
    destination: str, before: Servers, after: Servers, warnings: tuple[str, ...] = ()
) -> Preview:
    """Compare the servers that a destination has with those that it would have."""
    both = [name for name in after if name in before]
    return Preview(
        destination=destination,
        added=tuple(name for name in after if name not in before),
        changed=tuple(name for name in both if before[name] != after[name]),
        removed=tuple(name for name in before if name not in after),
        unchanged=tuple(name for name in both if before[name] == after[name]),
        diff=diff(before, after),
        warnings=warnings,
    )


def diff(before: Servers, after: Servers) -> str:
    """A unified diff of each server that differs, by name, as JSON in which no secret shows."""
    old, new = mask_both(before, after)
    names = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return "\n".join(line for name in names for line in _one(name, old.get(name), new.get(name)))


def _one(name: str, old: Any, new: Any) -> Iterator[str]:
    was, now = ("(none)" if side is None else name for side in (old, new))
    return difflib.unified_diff(_lines(old), _lines(new), was, now, lineterm="")


def _lines(server: Any) -> list[str]:
    return [] if server is None else wire.dumps(server).splitlines()
