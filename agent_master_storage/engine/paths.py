"""Where something stands in a document, as people write it: ``mcpServers.github.args.1``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

_PLAIN = re.compile(r"[\w@/$-]+")


def join(parts: Iterable[str | int]) -> str:
    """The path; a part that would not be read back as one stands in quotes."""
    return ".".join(map(_part, parts))


def under(path: str, *parts: str | int) -> str:
    """The path of something below ``path``, which may be empty."""
    rest = join(parts)
    return f"{path}.{rest}" if path and rest else path or rest


def _part(part: str | int) -> str:
    text = str(part)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
