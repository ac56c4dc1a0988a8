"""The maximum size of an imported document. Errors name the path that exceeds a limit.

The limits apply to every syntax and to Python objects. The values of the tree are counted, because
aliases in YAML can expand a small text to a huge tree.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from .. import json_path
from ..exceptions import InvalidDocument

Path = tuple[str, ...]

#: bytes of a text
MAX_SIZE = 1024 * 1024
#: levels of objects and lists
MAX_DEPTH = 64
#: objects, lists and values in them
MAX_NODES = 200_000
#: bytes and values of a client's file that servers are synced to
MAX_OWN_SIZE = 64 * 1024 * 1024
MAX_OWN_NODES = 5_000_000
#: servers of one document
MAX_SERVERS = 5_000


def check_size(size: int, max_size: int = MAX_SIZE) -> None:
    """Raise InvalidDocument if a text has more than ``max_size`` bytes."""
    if size > max_size:
        raise InvalidDocument(f"the text has {size:,} bytes; at most {max_size:,} are allowed")


def check_servers(count: int, where: str) -> None:
    """Raise InvalidDocument if there are more than MAX_SERVERS servers."""
    if count > MAX_SERVERS:
        raise InvalidDocument(f"has {count:,} servers; at most {MAX_SERVERS:,} are allowed", where)


def check_tree(document: Any, max_nodes: int = MAX_NODES) -> None:
    """Raise InvalidDocument if a document is too deep or too large, or cannot be JSON."""
    level: list[tuple[Path, Any]] = [((), document)]
    left = max_nodes
    for _ in range(MAX_DEPTH + 1):
        below: list[tuple[Path, Any]] = []
        for path, node in level:
            left -= len(node) if isinstance(node, Mapping | list | tuple) else 0
            # Checked for each node: aliases of YAML can make the next level arbitrarily large.
            if left < 0:
                raise InvalidDocument(f"the document has more than {max_nodes:,} values")
            below += _children(path, node)
        level = below
        if not level:
            return
    raise InvalidDocument(f"nested deeper than {MAX_DEPTH} levels", json_path.join(level[0][0][:4]))


def _children(path: Path, node: Any) -> Iterable[tuple[Path, Any]]:
    if isinstance(node, Mapping):
        return [((*path, _key(path, key)), part) for key, part in node.items()]
    if isinstance(node, list | tuple):
        return [((*path, str(index)), part) for index, part in enumerate(node)]
    _check_scalar(path, node)
    return ()


def _key(path: Path, key: Any) -> str:
    if not isinstance(key, str):
        raise InvalidDocument(f"the key {key!r} is not a string", json_path.join(path))
    _check_scalar(path, key)
    return key


def _check_scalar(path: Path, value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidDocument("must be a finite number", json_path.join(path))
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            reason = "contains a lone surrogate, which UTF-8 cannot encode"
            raise InvalidDocument(reason, json_path.join(path)) from None
