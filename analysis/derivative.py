"""dI/dV on the points of a sweep, by local parabolas, directions apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.grid import Grid
from nanojunction.analysis.slopes import SlopeWeights, slope_weights
from nanojunction.analysis.traces import IntArray, Traces
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
    return {d: _derive(traces, grid, d, cell, half) for d, cell in present.items()}


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
        narrow = slope_weights(x, 1)
        reference = narrow.apply(y)
        least = narrow.variance(noise)
        for k, half in enumerate(halves):
            wide = narrow if half == 1 else slope_weights(x, half)
            off = (wide.apply(y) - reference) ** 2
            # Where noise alone explains the difference this is the variance of the wide window.
            risks[k] += float(np.mean(off + 2.0 * wide.covariance(narrow, noise) - least))
    best = float(np.min(risks))
    enough = int(np.flatnonzero(risks <= best + _ENOUGH * abs(best))[0])
    # Half of it has a quarter of the bias, so that the standard error covers what is left.
    return max(1, halves[enough] // 2)


def _derive(traces: Traces, grid: Grid, direction: int, cell: IntArray, half: int) -> Derivative:
    x = grid.smooth_V[cell]
    filter_ = slope_weights(x, half)
    y = grid.level_A[direction][cell]
    stderr = np.sqrt(filter_.variance(grid.stderr_A(direction)[cell] ** 2))
    mine = traces.direction == direction
    legs = np.unique(traces.leg[mine])
    std = np.full(len(x), np.nan)
    if len(legs) > 1:
        table = np.full((len(legs), len(grid.voltage_V)), np.nan)
        table[np.searchsorted(legs, traces.leg[mine]), grid.cell[mine]] = grid.row_level_A[mine]
        slopes = filter_.apply(table[:, cell])
        enough = np.sum(~np.isnan(slopes), axis=0) > 1
        std[enough] = np.nanstd(slopes[:, enough], axis=0, ddof=1)
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
    x = np.unique(np.concatenate([part.voltage_V for part in parts]))
    values = np.full((2, len(x)), np.nan)
    errors, stds = values.copy(), values.copy()
    for k, part in enumerate(parts):
        at = np.searchsorted(x, part.voltage_V)
        values[k, at], errors[k, at], stds[k, at] = part.conductance_S, part.stderr_S, part.std_S
    count = np.sum(~np.isnan(values), axis=0)
    known = ~np.isnan(stds)
    spread = np.sum(np.where(known, stds, 0.0) ** 2, axis=0) / np.maximum(known.sum(axis=0), 1)
    std = np.where(known.any(axis=0), np.sqrt(spread), np.nan)
    curve = parts[0].to_curve()
    extra = {**curve.extra, "std": std, "legs": sum(part.legs for part in parts)}
    stderr = np.sqrt(np.nansum(errors**2, axis=0)) / count
    stderr = np.where(np.isnan(errors).all(axis=0), np.nan, stderr)
    return Curve(x, np.nanmean(values, axis=0), stderr, extra=extra)
