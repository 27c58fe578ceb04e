"""Whether verdicts and resistances have to do with the place on the chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nanojunction.analysis.notation import in_words
from nanojunction.analysis.screening.chip import Junction
from nanojunction.analysis.screening.verdicts import JunctionVerdict
from nanojunction.analysis.values import Array

PERMUTATIONS = 9999
PERMUTATION_SEED = 193
_FEWEST = 8  # junctions below which no correlation can be significant after correction

Pair = tuple[Junction, JunctionVerdict]
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class PlaceTest:
    """One test: what of which place, its statistic, p and p corrected for the number of tests.

    `fisher` compares the share of a verdict in the outer half of the chip with that in the inner
    half (`value` is the odds ratio, None where it is infinite); `mann-whitney`
    the resistances of both halves (`value` is the probability that one at the edge is larger);
    `spearman` is the rank correlation of the resistance with a coordinate.
    """

    what: str
    against: str
    test: str
    value: float | None
    p: float
    p_corrected: float
    words: str


def place_tests(pairs: Sequence[Pair]) -> tuple[PlaceTest, ...]:
    """Return the tests of verdicts and resistances against the place, none without places.

    The place is x and y, or else column and row where both are whole numbers; the edge is the outer
    half of the junctions by their distance from the middle of the chip, each coordinate in units of
    the chip's extent. p is that of permutations for the ranks (resistances of chips are not
    Gaussian), exact for the shares; `p_corrected` is Holm's for all tests together.
    """
    placed = [(place, verdict) for one, verdict in pairs if (place := _place(one)) is not None]
    if len(placed) < _FEWEST:
        return ()
    at = np.array([place for place, _ in placed])
    verdicts = [verdict for _, verdict in placed]
    distance = _distance(at)
    is_edge = distance > np.median(distance)
    if not 0 < np.count_nonzero(is_edge) < len(placed):
        return ()
    found = [
        _share(name, np.array([one.verdict == name for one in verdicts]), is_edge)
        for name in ("open", "short", "candidate")
    ]
    values = [_resistance(one) for one in verdicts]
    known = np.array([value is not None for value in values])
    ohms = np.array([value for value in values if value is not None])
    if len(ohms) >= _FEWEST:
        found += _of_resistance(ohms, at[known], distance[known], is_edge[known])
    corrected = holm([one.p for one in found])
    return tuple(replace(one, p_corrected=p) for one, p in zip(found, corrected, strict=True))


def holm(p: Sequence[float]) -> list[float]:
    """Return p values corrected for their number (Holm 1979, Scand. J. Stat. 6, 65).

    >>> holm([0.01, 0.5, 0.02])
    [0.03, 0.5, 0.04]
    """
    largest, corrected = 0.0, [1.0] * len(p)
    for rank, index in enumerate(sorted(range(len(p)), key=lambda n: p[n])):
        largest = max(largest, min(1.0, (len(p) - rank) * p[index]))
        corrected[index] = largest
    return corrected


def _place(one: Junction) -> tuple[float, float] | None:
    if one.x_m is not None and one.y_m is not None:
        return one.x_m, one.y_m
    if isinstance(one.column, int) and isinstance(one.row, int):
        return float(one.column), float(one.row)
    return None


def _distance(at: Array) -> Array:
    """Return how far places (n, 2) are from the middle, in units of half the chip's extent."""
    low, high = at.min(axis=0), at.max(axis=0)
    extent = np.where(high > low, high - low, 1.0)
    return np.asarray(np.hypot(*((2.0 * at - low - high) / extent).T))


def _resistance(one: JunctionVerdict) -> float | None:
    quantity = one.numbers.get("resistance_ohm")
    if one.verdict not in ("ohmic", "candidate") or quantity is None or quantity.value is None:
        return None
    return abs(quantity.value)


def _share(verdict: str, has_it: Flags, is_edge: Flags) -> PlaceTest:
    """Compare the share of a verdict at the edge with that in the centre."""
    from scipy.stats import fisher_exact

    edge = int(np.count_nonzero(has_it & is_edge)), int(np.count_nonzero(is_edge))
    centre = int(np.count_nonzero(has_it & ~is_edge)), int(np.count_nonzero(~is_edge))
    table = np.array([[with_it, of - with_it] for with_it, of in (edge, centre)])
    found = fisher_exact(table)
    odds = float(found.statistic)
    words = f"{edge[0]} of {edge[1]} at the edge, {centre[0]} of {centre[1]} in the centre"
    value = odds if np.isfinite(odds) else None
    return PlaceTest(verdict, "edge", "fisher", value, float(found.pvalue), 1.0, words)


def _of_resistance(ohms: Array, at: Array, distance: Array, is_edge: Flags) -> list[PlaceTest]:
    """Compare the resistances at the edge and in the centre, and correlate them with the place."""
    from scipy.stats import mannwhitneyu, rankdata

    what, found = "resistance_ohm", []
    edge, centre = ohms[is_edge], ohms[~is_edge]
    if len(edge) and len(centre):
        test = mannwhitneyu(edge, centre)
        larger = float(test.statistic) / (len(edge) * len(centre))
        words = (
            f"median {in_words(float(np.median(edge)), 'Ω')} of {len(edge)} at the edge, "
            f"{in_words(float(np.median(centre)), 'Ω')} of {len(centre)} in the centre"
        )
        p = float(test.pvalue)
        found.append(PlaceTest(what, "edge", "mann-whitney", larger, p, 1.0, words))
    coordinates = {"distance": distance, "x": at[:, 0], "y": at[:, 1]}
    names = [name for name, values in coordinates.items() if float(np.ptp(values)) > 0.0]
    ranks = np.array([rankdata(coordinates[name]) for name in names])
    for name, (rho, p) in zip(names, _rank_correlations(rankdata(ohms), ranks), strict=True):
        words = f"rank correlation {rho:+.2f} over {len(ohms)} junctions"
        found.append(PlaceTest(what, name, "spearman", rho, p, 1.0, words))
    return found


def _rank_correlations(a: Array, others: Array) -> list[tuple[float, float]]:
    """Return Spearman's correlation of ranks (n) with each of others (k, n), and p.

    p is the share of permutations with a correlation as large, of either sign.
    """
    a, others = a - np.mean(a), others - np.mean(others, axis=1, keepdims=True)
    size = np.sqrt(np.sum(a**2) * np.sum(others**2, axis=1))
    if not np.all(size > 0.0):
        return [(0.0, 1.0)] * len(others)
    rho = others @ a / size
    rng = np.random.default_rng(PERMUTATION_SEED)
    least = np.abs(rho) * size * (1.0 - 1e-12)
    as_large = np.zeros(len(others))
    for _ in range(PERMUTATIONS):
        as_large += np.abs(others @ rng.permutation(a)) >= least
    p = (as_large + 1.0) / (PERMUTATIONS + 1.0)
    return [(float(one), float(its)) for one, its in zip(rho, p, strict=True)]
