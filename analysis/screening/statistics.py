"""What a chip came to: yields, medians and histograms, overall and for each group of junctions."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanojunction.analysis.screening.chip import Chip, Junction
from nanojunction.analysis.screening.intervals import (
    Expected,
    Yield,
    median_of,
    next_batch,
    wilson,
)
from nanojunction.analysis.screening.places import PlaceTest, place_tests
from nanojunction.analysis.screening.thresholds import Thresholds
from nanojunction.analysis.screening.verdicts import VERDICTS, JunctionVerdict, Verdict
from nanojunction.analysis.values import Quantity, plain

CONDUCTING: tuple[Verdict, ...] = ("ohmic", "candidate", "unstable", "broken")
"""Verdicts on what is, or was, neither open nor short."""

OF_RESISTANCE: tuple[Verdict, ...] = ("ohmic", "candidate")
"""Verdicts whose resistances make medians and histograms."""

_BINS_PER_DECADE = 5
_HISTOGRAMS: dict[str, tuple[Verdict, ...]] = {
    "resistance_ohm": OF_RESISTANCE,
    "ra_ohm_um2": OF_RESISTANCE,
    "v_off_V": ("candidate",),
    "p_max_W": ("candidate",),
}

Pair = tuple[Junction, JunctionVerdict]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of |values| between edges that rise by equal ratios."""

    key: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GroupStatistics:
    """Yields and medians of some junctions: `by` says what they share ("" for all), `name` which.

    `yields` has every verdict, `neither_open_nor_short` (also what was unstable or broke) and
    `generating` (candidates, and what generated but is unstable or broke). The medians are those of
    junctions that are ohmic or candidates, with a bootstrap's standard error and `interval`.
    """

    by: str
    name: str
    yields: Mapping[str, Yield]
    resistance_ohm: Quantity
    ra_ohm_um2: Quantity

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "by": self.by,
            "name": self.name,
            "yields": {key: dataclasses.asdict(one) for key, one in self.yields.items()},
            "resistance_ohm": plain(self.resistance_ohm),
            "ra_ohm_um2": plain(self.ra_ohm_um2),
        }


@dataclass(frozen=True, slots=True)
class Statistics:
    """All junctions first, then each group; histograms; tests of place; the next batch alike."""

    groups: tuple[GroupStatistics, ...]
    histograms: tuple[Histogram, ...]
    places: tuple[PlaceTest, ...]
    next_batch: Expected

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "groups": [group.to_json() for group in self.groups],
            "histograms": [plain(dataclasses.asdict(one)) for one in self.histograms],
            "places": [plain(dataclasses.asdict(one)) for one in self.places],
            "next_batch": dataclasses.asdict(self.next_batch),
        }


def statistics_of(chip: Chip, verdicts: Sequence[JunctionVerdict]) -> Statistics:
    """Return the statistics of a chip from the verdicts on its junctions, in the chip's order.

    Groups are those of process split, stack, diameter and column, where there are several. What is
    undecided counts as a junction, and as nothing else. The next batch is one of as many.
    """
    pairs = list(zip(chip.junctions, verdicts, strict=True))
    thresholds = chip.thresholds
    every = _group("", "", pairs, thresholds)
    groups = [every]
    for by, name_of in (
        ("split", lambda one: one.split),
        ("stack", lambda one: one.stack),
        ("diameter_um", _diameter),
        ("column", lambda one: "" if one.column is None else str(one.column)),
    ):
        named: dict[str, list[Pair]] = {}
        for pair in pairs:
            named.setdefault(name_of(pair[0]), []).append(pair)
        if len(named) > 1:
            groups += [_group(by, name, some, thresholds) for name, some in named.items()]
    candidates = every.yields["candidate"]
    return Statistics(
        groups=tuple(groups),
        histograms=tuple(
            found for key in _HISTOGRAMS if (found := _histogram(key, verdicts)) is not None
        ),
        places=place_tests(pairs),
        next_batch=next_batch(
            candidates.count, candidates.of, candidates.of, thresholds.confidence
        ),
    )


def _diameter(one: Junction) -> str:
    return "" if one.diameter_m is None else f"{one.diameter_m * 1e6:g}"


def _group(by: str, name: str, pairs: Sequence[Pair], thresholds: Thresholds) -> GroupStatistics:
    verdicts = [verdict for _, verdict in pairs]
    found = Counter(one.verdict for one in verdicts)
    counts: dict[str, int] = {verdict: found[verdict] for verdict in VERDICTS}
    counts["neither_open_nor_short"] = sum(found[verdict] for verdict in CONDUCTING)
    counts["generating"] = sum(one.generates for one in verdicts)
    return GroupStatistics(
        by,
        name,
        {key: wilson(n, len(verdicts), thresholds.confidence) for key, n in counts.items()},
        median_of(values_of(verdicts, "resistance_ohm"), thresholds.confidence),
        median_of(values_of(verdicts, "ra_ohm_um2"), thresholds.confidence),
    )


def values_of(verdicts: Sequence[JunctionVerdict], key: str) -> list[float]:
    """Return a number of the junctions whose values of it count: |value|, those that are known."""
    counting = _HISTOGRAMS.get(key, OF_RESISTANCE)
    return [
        abs(quantity.value)
        for one in verdicts
        if one.verdict in counting
        and (quantity := one.numbers.get(key)) is not None
        and quantity.value is not None
    ]


def _histogram(key: str, verdicts: Sequence[JunctionVerdict]) -> Histogram | None:
    values = [value for value in values_of(verdicts, key) if value > 0]
    if not values:
        return None
    low = math.floor(math.log10(min(values)) * _BINS_PER_DECADE)
    high = math.floor(math.log10(max(values)) * _BINS_PER_DECADE) + 1
    edges = [10.0 ** (k / _BINS_PER_DECADE) for k in range(low, high + 1)]
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return Histogram(key, tuple(edges), tuple(counts.tolist()))
