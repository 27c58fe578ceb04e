"""dI/dV on the points of a sweep, by local parabolas, directions apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.grid import Grid
from nanojunction.analysis.slopes import SlopeWeights, slope_weights, slopes_by_width
from nanojunction.analysis.stencils import IntArray
from nanojunction.analysis.traces import Traces
from nanojunction.analysis.values import Array, Curve

_HALVES = (1, 2, 3, 4, 6, 8, 12)  # half windows in points that are tried
_ENOUGH = 0.05  # the smallest window is taken whose risk is so near to the least


@dataclass(frozen=True, slots=True, eq=False)
class Derivative:
    """dI/dV of one direction at the points where it has rows.

    `std_S` is the standard deviation over legs (NaN for one leg), `stderr_S` the standard error
    of the mean over legs.
    """

    voltage_V: Array
    conductance_S: Array
    stderr_S: Array
    std_S: Array
    legs: int
    points: int
    width_V: float

    def to_curve(self) -> Curve:
        """Return the curve, with what was done in its extra."""
        return Curve(
            self.voltage_V,
            self.conductance_S,
            self.stderr_S,
            extra={
                "std": self.std_S,
                "legs": self.legs,
                "method": "local parabola",
                "window_points": self.points,
                "width_V": self.width_V,
            },
        )


def differentiate(traces: Traces, grid: Grid) -> dict[int, Derivative]:
    """Return dI/dV per direction (+1, −1); a direction with fewer than three points has none.

    The abscissa is `grid.smooth_V`, free of the voltmeter's noise. The window, the same for both
    directions, is half of that with the least estimated risk, noise and bias together (Stein,
    Ann. Stat. 9, 1135 (1981)).
    """
    present = {d: np.flatnonzero(grid.count[d] > 0) for d in grid.directions}
    present = {d: cell for d, cell in present.items() if len(cell) >= 3}
    if not present:
        return {}
    half = _best_half(grid, present)
    found: dict[int, Derivative] = {}
    filter_: SlopeWeights | None = None
    for d, cell in present.items():
        x = grid.smooth_V[cell]
        if filter_ is None or not np.array_equal(cell, present[d * -1]):
            filter_ = slope_weights(x, half)
        found[d] = _derive(traces, grid, d, cell, filter_)
    return found


def _best_half(grid: Grid, present: Mapping[int, IntArray]) -> int:
    """Return the half window in points that balances noise against bias."""
    points = min(len(cell) for cell in present.values())
    halves = [half for half in _HALVES if half == 1 or 8 * half < points]
    if grid.noise_A is None or len(halves) == 1:
        return 1
    risks = np.zeros(len(halves))
    for direction, cell in present.items():
        x, y = grid.smooth_V[cell], grid.level_A[direction][cell]
        noise = grid.stderr_A(direction)[cell] ** 2
        slopes, covariances = slopes_by_width(x, y, noise, halves)
        # Where noise alone explains the difference this is the variance of the wide window.
        risks += ((slopes - slopes[0]) ** 2 + 2.0 * covariances - covariances[0]).mean(axis=1)
    best = float(np.min(risks))
    enough = int(np.flatnonzero(risks <= best + _ENOUGH * abs(best))[0])
    # Half of it has a quarter of the bias, so that the standard error covers what is left.
    return max(1, halves[enough] // 2)


def _derive(
    traces: Traces, grid: Grid, direction: int, cell: IntArray, filter_: SlopeWeights
) -> Derivative:
    x = grid.smooth_V[cell]
    y = grid.level_A[direction][cell]
    stderr = np.sqrt(filter_.variance(grid.stderr_A(direction)[cell] ** 2))
    mine = traces.direction == direction
    legs = np.unique(traces.leg[mine])
    std = np.full(len(x), np.nan)
    if len(legs) > 1:
        table = np.full((len(legs), len(grid.voltage_V)), np.nan)
        table[np.searchsorted(legs, traces.leg[mine]), grid.cell[mine]] = grid.row_level_A[mine]
        slopes = filter_.apply(table[:, cell])
        known = ~np.isnan(slopes)
        count = np.count_nonzero(known, axis=0)
        enough = count > 1
        more = np.maximum(count, 2)
        slopes[~known] = 0.0
        off = np.where(known, slopes - slopes.sum(axis=0) / more, 0.0)
        std[enough] = np.sqrt((off * off).sum(axis=0) / (more - 1))[enough]
    return Derivative(
        x, filter_.apply(y), stderr, std, len(legs), filter_.index.shape[1], _own_width(filter_, x)
    )


def _own_width(filter_: SlopeWeights, x: Array) -> float:
    """Return the FWHM of a Gaussian with the standard deviation of the filter's own response."""
    middle = len(x) // 2
    at = x[filter_.index[middle]]
    # The slope's filter is a mean of dI/dV over the window with this weight between two points.
    share = -np.cumsum(filter_.weights[middle])[:-1]
    low, high = at[:-1], at[1:]
    mass = share * (high - low)
    mean = float(np.sum(mass * 0.5 * (low + high)))
    second = float(np.sum(share * (high**3 - low**3) / 3.0))
    return float(np.sqrt(8.0 * np.log(2.0) * max(second - mean**2, 0.0)))


def mean_of_directions(derivatives: Mapping[int, Derivative]) -> Curve:
    """Return the mean of forward and return dI/dV where both exist, else the one that does."""
    parts = list(derivatives.values())
    if len(parts) == 1:
        return parts[0].to_curve()
    first, second = (part.voltage_V for part in parts)
    x = first if np.array_equal(first, second) else np.unique(np.concatenate([first, second]))
    places = [np.searchsorted(x, part.voltage_V) for part in parts]
    count, y, square, variance, known = np.zeros((5, len(x)))
    for part, at in zip(parts, places, strict=True):
        count[at] += 1.0
        y[at] += part.conductance_S
        square[at] += part.stderr_S**2
        is_known = ~np.isnan(part.std_S)
        variance[at] += np.where(is_known, part.std_S, 0.0) ** 2
        known[at] += is_known
    std = np.where(known > 0, np.sqrt(variance / np.maximum(known, 1.0)), np.nan)
    curve = parts[0].to_curve()
    extra = {**curve.extra, "std": std, "legs": sum(part.legs for part in parts)}
    return Curve(x, y / count, np.sqrt(square) / count, extra=extra)
