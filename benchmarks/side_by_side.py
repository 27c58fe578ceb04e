"""What the benchmarks share: ratios of rounds, the table, and the exit status."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

WIDTHS = (62, 15, 15, 22, 7)
HOLDS, MISSED = "holds", "MISSED"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One line of the table: a ratio of every round, and what their median must keep to."""

    what: str
    ours: str
    other: str
    ratios: tuple[float, ...]
    target: float
    at: Literal["least", "most"]

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios."""
        return statistics.median(self.ratios)

    @property
    def holds(self) -> bool:
        """Whether the target is met."""
        return self.ratio >= self.target if self.at == "least" else self.ratio <= self.target

    def line(self) -> str:
        """Return the line: what, ours, other, ratio (lowest to highest round), target, verdict."""
        spread = f"{self.ratio:.4g} ({min(self.ratios):.4g}–{max(self.ratios):.4g})"
        target = f"{'≥' if self.at == 'least' else '≤'} {self.target:g}"
        cells = (self.what, self.ours, self.other, spread, target)
        return _columns(cells) + (HOLDS if self.holds else MISSED)


def in_table(comparisons: Sequence[Comparison], ours: str = "ours", other: str = "other") -> int:
    """Print the table; return the exit status, 1 if a target was missed."""
    heading = ("what", ours, other, "ratio (rounds)", "target")
    print(_columns(heading) + "verdict")
    for one in comparisons:
        print(one.line())
    print(f"{os.cpu_count()} cores, {platform.system()}, {_load()}", flush=True)
    return int(not all(one.holds for one in comparisons))


def _columns(cells: Sequence[str]) -> str:
    return "".join(f"{cell:<{width}} " for cell, width in zip(cells, WIDTHS, strict=True))


def _load() -> str:
    """Say how busy the machine was: ratios survive a load, the spread of the rounds grows."""
    if not hasattr(os, "getloadavg"):
        return "load not known"
    return f"load {os.getloadavg()[0]:.1f} over the last minute"
