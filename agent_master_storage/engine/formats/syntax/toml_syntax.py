"""TOML: parsed by the standard library, written by tomlkit."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import tomlkit

from ... import json_path
from ...exceptions import InvalidDocument

# Python's parser takes minutes for a key with very many parts. Keys with fewer parts are refused
# by the limit of depth.
_MAX_PARTS = 1000
_LONG_KEY = re.compile(
    rf"""(?<![\w-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){{{_MAX_PARTS}}}"""
)
_POSITION = re.compile(r" \(at (line \d+, column \d+)\)\Z")


def loads(text: str) -> Any:
    """Parse a text.

    Raises:
        InvalidDocument: With line and column.
    """
    for number, line in enumerate(text.splitlines(), 1):
        if line.count(".") >= _MAX_PARTS and _LONG_KEY.search(line):
            raise InvalidDocument("not TOML: a key has too many parts", f"line {number}")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        position = _POSITION.search(str(error))
        reason = _POSITION.sub("", str(error))
        raise InvalidDocument(f"not TOML: {reason}", position[1] if position else "") from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InvalidDocument(f"not TOML: {reason}") from None


def dumps(document: Any) -> str:
    """Return an object as TOML.

    Raises:
        InvalidDocument: If it is not an object, or with the path of a null, which TOML lacks.
    """
    if not isinstance(document, Mapping):
        raise InvalidDocument("the top level of TOML must be an object")
    _refuse_null(document, "")
    return tomlkit.dumps(document)


def _refuse_null(node: Any, where: str) -> None:
    if node is None:
        raise InvalidDocument("is null, which TOML cannot represent", where)
    if isinstance(node, Mapping):
        for key, part in node.items():
            _refuse_null(part, json_path.under(where, key))
    elif isinstance(node, list | tuple):
        for index, part in enumerate(node):
            _refuse_null(part, json_path.under(where, index))
