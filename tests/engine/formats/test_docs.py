"""docs/engine-formats.md lists every format and the actual limits."""

from __future__ import annotations

import re
from pathlib import Path

from agent_master_storage.engine import formats
from agent_master_storage.engine.formats import limits

PAGE = (Path(__file__).parents[3] / "docs" / "engine-formats.md").read_text("utf-8")


def test_every_format_is_listed_with_its_clients_and_files() -> None:
    rows = re.findall(r"^\| `([\w-]+)` (\|.+)$", PAGE, re.MULTILINE)
    for one in formats.all_formats():
        row = " ".join(text for name, text in rows if name == one.name)
        assert row, one
        assert all(f"`{word}`" in row for word in (*one.clients, *one.files)), one


def test_the_limits_are_the_actual_ones() -> None:
    assert limits.MAX_SIZE == 1024 * 1024
    assert "| a text | 1 MiB |" in PAGE
    assert f"| levels of objects and lists | {limits.MAX_DEPTH} |" in PAGE
    assert f"wherever they stand | {limits.MAX_NODES:,} |" in PAGE
    assert f"| servers | {limits.MAX_SERVERS:,} |" in PAGE
