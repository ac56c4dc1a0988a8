"""Parsing and writing of JSON (with comments), YAML and TOML, each in a module of its own.

Duplicate keys are refused, because one of the values would be lost. Errors name the line. They
never contain values, which may be secrets.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from types import ModuleType
from typing import Any

from ....exceptions import InvalidValue
from ...exceptions import InvalidDocument
from .. import limits
from . import json_syntax as jsontext
from . import toml_syntax as tomltext
from . import yaml_syntax as yamltext

SYNTAXES = ("json", "yaml", "toml")

_MODULES: dict[str, ModuleType] = {"json": jsontext, "yaml": yamltext, "toml": tomltext}
_SUFFIXES = {".json": "json", ".jsonc": "json", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml"}

_KEY = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_KEYS = rf"\s*{_KEY}(?:\s*\.\s*{_KEY})*\s*"
#: the header of a table, or a key with its value
_TOML_LINE = re.compile(rf"\[\[?{_KEYS}\]\]?\s*(?:#.*)?|{_KEYS}=.*")


def loads(data: str | bytes, syntax: str | None = None, *, own: bool = False) -> Any:
    """Parse a text.

    Args:
        data: The text.
        syntax: ``json``, ``yaml`` or ``toml``; by default it is guessed from the first line.
        own: Whether it is a client's file on this machine, which may be larger, because some
            clients keep all their state in it.

    Raises:
        InvalidDocument: With the line of the fault, or the limit that is exceeded.
    """
    text = _decode(data, limits.MAX_OWN_SIZE if own else limits.MAX_SIZE)
    # Only in TOML is an empty text an object.
    if not text.strip() and syntax != "toml":
        raise InvalidDocument("the text is empty")
    document = _module(syntax or guess(text)).loads(text)
    limits.check_tree(document, limits.MAX_OWN_NODES if own else limits.MAX_NODES)
    return document


def dumps(document: Any, syntax: str = "json", *, own: bool = False) -> str:
    """Return a document as text.

    Raises:
        InvalidDocument: If the syntax cannot represent a value, such as null in TOML.
    """
    module = _module(syntax)
    limits.check_tree(document, limits.MAX_OWN_NODES if own else limits.MAX_NODES)
    text: str = module.dumps(document)
    return text


def guess(text: str) -> str:
    """Return the syntax of the first significant line of a text."""
    for line in map(str.strip, text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if _TOML_LINE.fullmatch(line):
            return "toml"
        return "json" if line.startswith(("{", "[", "//", "/*")) else "yaml"
    return "yaml"


def of_file(name: str) -> str | None:
    """Return the syntax for the suffix of a file name, or None."""
    return _SUFFIXES.get(PurePath(name).suffix.lower())


def _decode(data: str | bytes, max_size: int) -> str:
    limits.check_size(len(data), max_size)
    if isinstance(data, bytes):
        try:
            # Some editors write a byte order mark.
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidDocument(f"not UTF-8: byte {error.start}") from None
    limits.check_size(len(data.encode(errors="surrogatepass")), max_size)
    return data.removeprefix("\ufeff")


def _module(syntax: str) -> Any:
    if syntax not in _MODULES:
        raise InvalidValue(f"syntax must be one of {', '.join(SYNTAXES)}, not {syntax!r}")
    return _MODULES[syntax]
