"""What a request asks of the log."""

from __future__ import annotations

from dataclasses import dataclass

from ..watch import Selector


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """The checked parameters of ``changes``."""

    selector: Selector
    since: int | None
    epoch: str | None
    #: changes
    limit: int
    #: seconds
    wait: float
    encoding: str
