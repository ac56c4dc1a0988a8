"""TOML: read by Python, written by tomlkit."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import tomlkit

from ... import json_path
from ...exceptions import InvalidDocument

# Python's parser needs minutes for a key of very many parts. Fewer are refused by their depth.
_MAX_PARTS = 1000
_LONG_KEY = re.compile(
    rf"""(?<![\w-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){{{_MAX_PARTS}}}"""
)
_PLACE = re.compile(r" \(at (line \d+, column \d+)\)\Z")


def loads(text: str) -> Any:
    """Parse; InvalidDocument with line and column."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.count(".") >= _MAX_PARTS and _LONG_KEY.search(line):
            raise InvalidDocument("not TOML: a key has too many parts", f"line {number}")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        reason = _PLACE.sub("", str(error))
        raise InvalidDocument(f"not TOML: {reason}", place[1] if place else "") from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise InvalidDocument(f"not TOML: {reason}") from None


def dumps(document: Any) -> str:
    """An object as TOML, which has no null: InvalidDocument with the place of one."""
    if not isinstance(document, Mapping):
        raise InvalidDocument("TOML holds an object, nothing else")
    _refuse_null(document, "")
    return tomlkit.dumps(document)


def _refuse_null(node: Any, where: str) -> None:
    if node is None:
        raise InvalidDocument("is null, which TOML can't hold", where)
    if isinstance(node, Mapping):
        for key, part in node.items():
            _refuse_null(part, json_path.under(where, key))
    elif isinstance(node, list | tuple):
        for index, part in enumerate(node):
            _refuse_null(part, json_path.under(where, index))
