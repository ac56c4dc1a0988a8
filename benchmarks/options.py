"""What the command line asks for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Options:
    """How long to measure."""

    quick: bool = False

    @property
    def rounds(self) -> int:
        return 3 if self.quick else 9

    def scaled(self, count: int) -> int:
        """A number of calls, or of seconds, a round."""
        return max(1, count // 4) if self.quick else count
