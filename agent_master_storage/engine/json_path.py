"""Paths in JSON documents, written as in ``mcpServers.github.args.1``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[\w@/$-]+")


def join(parts: Iterable[str | int]) -> str:
    """Return the path; parts that contain other characters than words do are quoted."""
    return ".".join(map(_part, parts))


def under(path: str, *parts: str | int) -> str:
    """Return the path of something below ``path``, which may be empty."""
    rest = join(parts)
    return f"{path}.{rest}" if path and rest else path or rest


def get_at(document: Any, path: Sequence[str]) -> Any:
    """Return the value at ``path``, or None if there is none."""
    for key in path:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document


def _part(part: str | int) -> str:
    text = str(part)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
