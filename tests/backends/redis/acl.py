"""The rules of docs/redis.md, for a prefix."""

from __future__ import annotations

import re
from pathlib import Path

DOCUMENT = Path(__file__).parents[3] / "docs" / "redis.md"


def rules(prefix: str) -> list[str]:
    found = re.search(r"ACL SETUSER \S+ on >\S+ (.*?)\n```", DOCUMENT.read_text(), re.DOTALL)
    assert found is not None
    return found[1].replace("\\\n", " ").replace("agent-master", prefix).split()
