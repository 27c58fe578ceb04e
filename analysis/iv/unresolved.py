"""I(V) between neighbouring points of a sweep, where structure is narrower than its step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nanojunction.analysis.iv.expansion import Expansion
from nanojunction.analysis.iv.grid import Grid
from nanojunction.analysis.iv.stencils import IntArray
from nanojunction.analysis.iv.traces import Traces
from nanojunction.analysis.values import Array

_REACHES = (1, 2, 3)  # chords go so many points to either side
_WITHIN = 2.0  # the slope in a part of a step may be so many times as far off as that of chords


def unresolved(curve: Expansion, traces: Traces, grid: Grid) -> Expansion:
    """Return a local description of what no polynomial follows, its errors with the bias.

    What dI/dV does within a step is unknown; how much the mean slope changes between chords over
    one, two and three points to either side, and from them to the polynomial, estimates it. The
    current is that of the neighbouring points, by a straight line between them, where that is
    better known.
    """
    points = np.flatnonzero(np.all([grid.count[d] > 0 for d in grid.directions], axis=0))
    if len(points) < 2 or grid.noise_A is None:
        return curve
    v = grid.smooth_V[points]
    current = np.mean([grid.level_A[d][points] for d in grid.directions], axis=0)
    bias = _spread_of_slopes(v, current, curve)
    covariance = curve.covariance.copy()
    dominates = bias**2 > covariance[1, 1]
    covariance[1, 1] += bias**2
    note = f"structure near {curve.at_V:.3g} V is not resolved by the step" if dominates else None
    described = replace(curve, covariance=covariance, note=note)
    right = min(max(int(np.searchsorted(v, curve.at_V)), 1), len(v) - 1)
    share = float((curve.at_V - v[right - 1]) / (v[right] - v[right - 1]))
    if not 0.0 <= share <= 1.0:
        return described
    away = _WITHIN * bias * min(share, 1.0 - share) * float(v[right] - v[right - 1])
    between = (1.0 - share) * float(current[right - 1]) + share * float(current[right])
    influence = curve.influence.copy()
    influence[0] = _influence(traces, grid, points[[right - 1, right]], share)
    noise = float(influence[0] @ influence[0])
    if noise >= curve.covariance[0, 0]:
        covariance[0, 0] += away**2
        return described
    covariance[0, :] = covariance[:, 0] = 0.0
    covariance[0, 0] = noise + away**2
    c = np.array([between, *curve.c[1:]])
    return replace(described, c=c, covariance=covariance, influence=influence)


def _spread_of_slopes(v: Array, current: Array, curve: Expansion) -> float:
    """Return how far the polynomial's slope and those of chords around its voltage lie apart."""
    nearest = int(np.argmin(np.abs(v - curve.at_V)))
    slopes = [float(curve.c[1])]
    for reach in _REACHES:
        low, high = max(nearest - reach, 0), min(nearest + reach, len(v) - 1)
        slopes.append(float((current[high] - current[low]) / (v[high] - v[low])))
    return max(slopes) - min(slopes)


def _influence(traces: Traces, grid: Grid, points: IntArray, share: float) -> Array:
    """Return what each row's noise adds to the current between two points, `share` from the 2nd."""
    out = np.zeros(len(traces))
    for point, part in zip(points.tolist(), (1.0 - share, share), strict=True):
        for direction in grid.directions:
            rows = (grid.cell == point) & (traces.direction == direction)
            out[rows] = part * (grid.noise_A or 0.0)
            out[rows] /= grid.count[direction][point] * len(grid.directions)
            if grid.relative_noise is not None:
                out[rows] *= grid.relative_noise[point]
    return out
