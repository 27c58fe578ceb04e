"""dI/dV on the points of a sweep, by local parabolas, directions apart."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.iv.grid import Grid, levels, stderrs
from nanojunction.analysis.iv.slopes import SlopeWeights, slope_weights, slopes_by_width
from nanojunction.analysis.iv.stencils import IntArray
from nanojunction.analysis.iv.traces import Traces
from nanojunction.analysis.together import in_groups
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


def differentiate(measured: Sequence[tuple[Traces, Grid]]) -> list[dict[int, Derivative]]:
    """Return dI/dV of runs per direction (+1, −1); one of fewer than three points has none.

    The abscissa is `grid.smooth_V`, free of the voltmeter's noise. The window, the same for both
    directions, is half of that with the least estimated risk, noise and bias together (Stein,
    Ann. Stat. 9, 1135 (1981)).
    """
    return in_groups(measured, _alike, _differentiate)


def _alike(measured: tuple[Traces, Grid]) -> Hashable:
    _, grid = measured
    return id(grid.layout), grid.noise_A is None, grid.relative_noise is None


def _differentiate(measured: Sequence[tuple[Traces, Grid]]) -> list[dict[int, Derivative]]:
    layout = measured[0][1].layout
    present = {d: np.flatnonzero(count > 0) for d, count in layout.count.items()}
    present = {d: cell for d, cell in present.items() if len(cell) >= 3}
    if not present:
        return [{} for _ in measured]
    halves = _best_halves([grid for _, grid in measured], present)
    found: list[dict[int, Derivative]] = [{} for _ in measured]
    for half in np.unique(halves).tolist():
        members = np.flatnonzero(halves == half).tolist()
        some = [measured[k] for k in members]
        x = filter_ = None
        for d, cell in present.items():
            if x is None or filter_ is None or not np.array_equal(cell, present[d * -1]):
                x = np.take(np.array([grid.smooth_V for _, grid in some]), cell, axis=1)
                filter_ = slope_weights(x, half)
            for k, one in zip(members, _derive(some, d, cell, x, filter_), strict=True):
                found[k][d] = one
    return found


def _best_halves(grids: Sequence[Grid], present: Mapping[int, IntArray]) -> IntArray:
    """Return the half windows in points that balance noise against bias, one for each run."""
    points = min(len(cell) for cell in present.values())
    halves = [half for half in _HALVES if half == 1 or 8 * half < points]
    if grids[0].noise_A is None or len(halves) == 1:
        return np.ones(len(grids), dtype=np.int64)
    risks = np.zeros((len(grids), len(halves)))
    smooth = np.array([grid.smooth_V for grid in grids])
    variance = np.array([grid.noise_A for grid in grids], dtype=float)[:, None, None] ** 2
    for direction, cell in present.items():
        y = np.take(levels(grids, direction), cell, axis=1)
        noise = grids[0].layout.error[direction][None, cell] ** 2
        if grids[0].relative_noise is not None:
            relative = np.array([g.relative_noise for g in grids if g.relative_noise is not None])
            noise = noise * np.take(relative, cell, axis=1) ** 2
        slopes, covariances = slopes_by_width(np.take(smooth, cell, axis=1), y, noise, halves)
        # Where noise alone explains the difference this is the variance of the wide window.
        beyond = variance * (2.0 * covariances - covariances[:, :1])
        risks += ((slopes - slopes[:, :1]) ** 2 + beyond).mean(axis=2)
    best = np.min(risks, axis=1, keepdims=True)
    enough = np.argmax(risks <= best + _ENOUGH * np.abs(best), axis=1)
    # Half of it has a quarter of the bias, so that the standard error covers what is left.
    return np.asarray(np.maximum(1, np.array(halves)[enough] // 2))


def _derive(
    measured: Sequence[tuple[Traces, Grid]],
    direction: int,
    cell: IntArray,
    x: Array,
    filter_: SlopeWeights,
) -> list[Derivative]:
    """Return dI/dV of runs in one direction at x (runs, points)."""
    traces, first = measured[0]
    grids = [grid for _, grid in measured]
    y = np.take(levels(grids, direction), cell, axis=1)
    noise = np.take(stderrs(grids, direction), cell, axis=1) ** 2
    slopes, stderr = filter_.apply(y), np.sqrt(filter_.variance(noise))
    mine = traces.direction == direction
    legs = np.unique(traces.leg[mine])
    std = np.full(x.shape, np.nan)
    if len(legs) > 1:
        table = np.full((len(legs), len(measured), len(first.voltage_V)), np.nan)
        leg = np.searchsorted(legs, traces.leg[mine])
        rows = np.array([grid.row_level_A for grid in grids])
        table[leg, :, first.cell[mine]] = np.compress(mine, rows, axis=1).T
        std = _spread(filter_.apply(np.take(table, cell, axis=2)))
    points, widths = filter_.index.shape[1], _own_widths(filter_, x)
    return [
        Derivative(x[k], slopes[k], stderr[k], std[k], len(legs), points, width)
        for k, width in enumerate(widths)
    ]


def _spread(slopes: Array) -> Array:
    """Return the standard deviation over legs (the first axis), NaN for fewer than two."""
    known = ~np.isnan(slopes)
    count = np.count_nonzero(known, axis=0)
    more = np.maximum(count, 2)
    slopes = np.where(known, slopes, 0.0)
    off = np.where(known, slopes - slopes.sum(axis=0) / more, 0.0)
    return np.where(count > 1, np.sqrt((off * off).sum(axis=0) / (more - 1)), np.nan)


def _own_widths(filter_: SlopeWeights, x: Array) -> list[float]:
    """Return the FWHM of Gaussians with the standard deviation of the filter's own response."""
    middle = x.shape[1] // 2
    at = x[:, filter_.index[middle]]
    # The slope's filter is a mean of dI/dV over the window with this weight between two points.
    share = -np.cumsum(filter_.weights[:, middle], axis=1)[:, :-1]
    low, high = at[:, :-1], at[:, 1:]
    mean = np.sum(share * (high - low) * 0.5 * (low + high), axis=1)
    second = np.sum(share * (high**3 - low**3) / 3.0, axis=1)
    widths: list[float] = np.sqrt(8.0 * np.log(2.0) * np.maximum(second - mean**2, 0.0)).tolist()
    return widths


def means_of_directions(many: Sequence[Mapping[int, Derivative]]) -> list[Curve]:
    """Return the means of forward and return dI/dV where both exist, else the one that does.

    All have the same directions at the same points of the sweep.
    """
    directions = list(many[0])
    if len(directions) == 1:
        return [each[directions[0]].to_curve() for each in many]
    sides = [[each[d] for each in many] for d in directions]
    voltages = [np.array([one.voltage_V for one in side]) for side in sides]
    x = voltages[0]
    if not np.array_equal(voltages[0], voltages[1]):
        x = np.array([np.union1d(*pair) for pair in zip(*voltages, strict=True)])
    count, y, square, variance, known = np.zeros((5, *x.shape))
    for side, voltage in zip(sides, voltages, strict=True):
        # Which points of the sweep a direction has is the same for all runs.
        at = slice(None) if x is voltages[0] else np.searchsorted(x[0], voltage[0])
        std = np.array([one.std_S for one in side])
        is_known = ~np.isnan(std)
        count[:, at] += 1.0
        y[:, at] += np.array([one.conductance_S for one in side])
        square[:, at] += np.array([one.stderr_S for one in side]) ** 2
        variance[:, at] += np.where(is_known, std, 0.0) ** 2
        known[:, at] += is_known
    mean, stderr = y / count, np.sqrt(square) / count
    std = np.where(known > 0, np.sqrt(variance / np.maximum(known, 1.0)), np.nan)
    curves = []
    for k, parts in enumerate(zip(*sides, strict=True)):
        extra = {**parts[0].to_curve().extra, "std": std[k], "legs": sum(p.legs for p in parts)}
        curves.append(Curve(x[k], mean[k], stderr[k], extra=extra))
    return curves
