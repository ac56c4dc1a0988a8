"""Medians, percentiles and the lines that are printed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What a figure is to reach."""

    bound: float
    at_least: bool = True

    def verdict(self, value: float) -> str:
        reached = value >= self.bound if self.at_least else value <= self.bound
        sign = ">=" if self.at_least else "<="
        return f"{'reached' if reached else 'MISSED'} ({sign} {self.bound:g})"


def heading(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def line(name: str, value: float, unit: str, goal: Goal | None = None, note: str = "") -> None:
    verdict = goal.verdict(value) if goal else ""
    figure = f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    print(f"  {name:<58} {figure:>9} {unit:<6} {verdict} {note}".rstrip(), flush=True)


def rate(function: Callable[[int], object], count: int) -> float:
    """Calls per second of ``function(number)``."""
    start = time.perf_counter()
    for number in range(count):
        function(number)
    return count / (time.perf_counter() - start)


def interleaved(
    candidates: Mapping[str, Callable[[int], object]], *, count: int, rounds: int
) -> dict[str, list[float]]:
    """The rate of each candidate in each round: A B C, A B C, ...

    What else the machine does meanwhile hits all of them alike. One round is thrown away.
    """
    rates: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds + 1):
        for name, function in candidates.items():
            measured = rate(function, count)
            if number:
                rates[name].append(measured)
    return rates


def ratio(rates: Sequence[float], peer: Sequence[float]) -> float:
    """The median of the rounds' ratios."""
    return median(ours / theirs for ours, theirs in zip(rates, peer, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0 to 1) of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
