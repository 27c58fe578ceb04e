"""Two chips or batches beside each other: are yields and resistances different?"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanojunction.analysis.screening.intervals import Yield
from nanojunction.analysis.screening.places import holm
from nanojunction.analysis.values import Array, plain

_COMPARED = ("open", "short", "candidate", "neither_open_nor_short", "generating")
_MOST_PAIRS = 4_000_000


@dataclass(frozen=True, slots=True)
class Compared:
    """One test of two chips: `first` and `second` in words, p, and p corrected for all tests.

    Of a yield `value` is the difference second − first with a confidence `interval` (Newcombe), the
    test Fisher's exact one. Of a resistance `value` is the ratio second/first (Hodges–Lehmann's
    shift of its logarithm), the test that of Mann and Whitney.
    """

    what: str
    test: str
    first: str
    second: str
    value: float | None
    interval: tuple[float, float] | None
    p: float
    p_corrected: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        found: dict[str, Any] = plain(dataclasses.asdict(self))
        return found


def compare_yields_and_resistances(
    first: Mapping[str, Yield],
    second: Mapping[str, Yield],
    ohms: tuple[Sequence[float], Sequence[float]],
    ra_ohm_um2: tuple[Sequence[float], Sequence[float]],
    confidence: float = 0.95,
) -> tuple[Compared, ...]:
    """Return the tests of two chips: yields by their names, and values of all conducting junctions.

    `p_corrected` is Holm's for all the tests together: below 0.05 it is a difference, also if one
    had no particular of them in mind before.
    """
    found = [_yields(key, first[key], second[key]) for key in _COMPARED]
    for key, pair in (("resistance_ohm", ohms), ("ra_ohm_um2", ra_ohm_um2)):
        if min(map(len, pair)) > 0:
            found.append(_values(key, np.log(pair[0]), np.log(pair[1]), confidence))
    corrected = holm([one.p for one in found])
    return tuple(
        dataclasses.replace(one, p_corrected=p) for one, p in zip(found, corrected, strict=True)
    )


def _yields(key: str, first: Yield, second: Yield) -> Compared:
    from scipy.stats import fisher_exact

    table = np.array([[one.count, one.of - one.count] for one in (first, second)])
    return Compared(
        key,
        "fisher",
        f"{first.count} of {first.of}",
        f"{second.count} of {second.of}",
        second.fraction - first.fraction,
        _newcombe(first, second),
        float(fisher_exact(table).pvalue),
    )


def _newcombe(first: Yield, second: Yield) -> tuple[float, float]:
    """Return the interval of a difference of yields from their Wilson intervals.

    Newcombe 1998, Stat. Med. 17, 873 (method 10).
    """
    difference = second.fraction - first.fraction
    down = math.hypot(second.fraction - second.low, first.high - first.fraction)
    up = math.hypot(second.high - second.fraction, first.fraction - first.low)
    return difference - down, difference + up


def _values(key: str, first: Array, second: Array, confidence: float) -> Compared:
    from scipy.stats import mannwhitneyu

    shift, interval = hodges_lehmann(first, second, confidence)
    return Compared(
        key,
        "mann-whitney",
        _median(first),
        _median(second),
        math.exp(shift),
        None if interval is None else (math.exp(interval[0]), math.exp(interval[1])),
        float(mannwhitneyu(first, second).pvalue),
    )


def _median(logs: Array) -> str:
    return f"median {math.exp(float(np.median(logs))):.4g} of {len(logs)}"


def hodges_lehmann(
    first: Array, second: Array, confidence: float
) -> tuple[float, tuple[float, float] | None]:
    """Return by how much `second` is shifted against `first`, and the interval of the shift.

    The median of all pairwise differences; the interval takes those that the test of Mann and
    Whitney would not refuse (Hollander & Wolfe, Nonparametric Statistical Methods, 4.3), None for
    too few values. Where there are some millions of pairs quantiles stand for the values.
    """
    from scipy.stats import norm

    m, n = len(first), len(second)
    spread = math.sqrt(m * n * (m + n + 1) / 12.0)
    tail = 0.5 - float(norm.ppf(0.5 + 0.5 * confidence)) * spread / (m * n)
    few = _thinned(first, n), _thinned(second, m)
    differences = np.sort(np.subtract.outer(few[1], few[0]).ravel())
    shift = float(np.median(differences))
    least = math.floor(tail * len(differences))
    if least < 1:
        return shift, None
    return shift, (float(differences[least - 1]), float(differences[-least]))


def _thinned(values: Array, others: int) -> Array:
    most = max(50, _MOST_PAIRS // max(others, 1))
    if len(values) <= most:
        return values
    return np.asarray(np.quantile(values, (np.arange(most) + 0.5) / most))
