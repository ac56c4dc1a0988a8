"""The values of a server: texts, lists of texts, pairs of texts.

Numbers and switches are common where clients want text; they are read as what the server's
process would get, with a warning that names the place and not the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import paths
from ..exceptions import InvalidDocument
from ..types import json_type


@dataclass(frozen=True)
class Reader:
    """Takes values out of a server's object."""

    raw: Mapping[str, Any]
    where: str
    warnings: list[str]

    def text(self, found: dict[str, Any], name: str, key: str) -> None:
        """A string, when there is one."""
        if self.raw.get(key) not in (None, ""):
            found[name] = checked_text(self.raw[key], paths.under(self.where, key))

    def texts(self, found: dict[str, Any], name: str, key: str) -> None:
        """A list of strings, when there is one."""
        given, where = self.raw.get(key), paths.under(self.where, key)
        if given is None:
            return
        if not isinstance(given, list | tuple):
            raise InvalidDocument(f"must be a list of strings, not {kind(given)}", where)
        found[name] = [self._scalar(one, paths.under(where, i)) for i, one in enumerate(given)]

    def pairs(self, found: dict[str, Any], name: str, key: str) -> None:
        """An object of strings, when there is one."""
        given, where = self.raw.get(key), paths.under(self.where, key)
        if given is None:
            return
        if not isinstance(given, Mapping):
            raise InvalidDocument(f"must be an object of strings, not {kind(given)}", where)
        found[name] = {}
        for part, value in given.items():
            if value is None:
                self.warnings.append(f"{paths.under(where, part)} is null and was left out")
            else:
                found[name][part] = self._scalar(value, paths.under(where, part))

    def _scalar(self, value: Any, where: str) -> str:
        if isinstance(value, bool | int | float):
            self.warnings.append(f"{where} is {kind(value)} and was read as text")
            return _as_text(value)
        return checked_text(value, where)


def checked_text(value: Any, where: str) -> str:
    """``value``, a string; InvalidDocument."""
    if not isinstance(value, str):
        raise InvalidDocument(f"must be a string, not {kind(value)}", where)
    return value


def checked_switch(value: Any, where: str) -> bool:
    """``value``, true or false; InvalidDocument."""
    if not isinstance(value, bool):
        raise InvalidDocument(f"must be true or false, not {kind(value)}", where)
    return value


def kind(value: Any) -> str:
    """What JSON calls it."""
    return "an object" if isinstance(value, Mapping) else json_type(value)


def _as_text(value: float) -> str:
    """As JavaScript, in which most clients are written, would put it into a process."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e21 else repr(value)
