"""Repeated legs brought together at the setpoints of a sweep, directions apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.slopes import slope_weights
from nanojunction.analysis.traces import IntArray, Traces, noise_against
from nanojunction.analysis.values import Array, Curve, Quantity


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Means over the legs of a direction at each point of the sweep.

    `voltage_V` is the sensed voltage, averaged over everything at a point. Per direction (+1, −1)
    `sensed_V` and `current_A` are the means (NaN where a direction has no row) and `count` is the
    number of rows. Slow drift is taken off: each leg is shifted to agree with the mean of its
    direction, and the shifts cancel over the rows. `noise_A` is the standard deviation of one row
    at a given point, None if unknown. `cell` says for every row of the traces which point it
    belongs to. `smooth_V` is the sensed voltage as a smooth function of the setpoint, free of the
    voltmeter's noise; `level_A` per direction, and `row_level_A` per row, is the current there;
    `moved_A` is what was taken off a row's current for its distance from `smooth_V`.
    """

    cell: IntArray
    voltage_V: Array
    sensed_V: Mapping[int, Array]
    current_A: Mapping[int, Array]
    count: Mapping[int, Array]
    noise_A: float | None
    smooth_V: Array
    level_A: Mapping[int, Array]
    row_level_A: Array
    moved_A: Array

    @property
    def directions(self) -> tuple[int, ...]:
        """The directions present."""
        return tuple(self.current_A)

    def means(self, direction: IntArray, values: Array) -> dict[int, Array]:
        """Return the means of a column of the rows at every point, NaN where there is no row."""
        return _means(self.cell, len(self.voltage_V), direction, values)

    def stderr_A(self, direction: int) -> Array:
        """Return the standard error of the mean current, NaN where it is unknown."""
        count = self.count[direction]
        noise = np.nan if self.noise_A is None else self.noise_A
        return np.asarray(np.where(count > 0, noise / np.sqrt(np.maximum(count, 1.0)), np.nan))


def grid_of(traces: Traces) -> Grid:
    """Return the means at equal setpoints, or at about equal voltages where none are known."""
    cell = _cells(traces)
    cells = int(cell.max()) + 1
    voltage = np.bincount(cell, weights=traces.voltage_V, minlength=cells) / np.bincount(cell)
    aligned = _align(traces, cell)
    smooth = _smooth(traces, cell, voltage)
    noise, row_level = _leveled(traces, cell, smooth, aligned)

    def means(values: Array) -> dict[int, Array]:
        return _means(cell, cells, traces.direction, values)

    count = {
        d: np.bincount(cell[traces.direction == d], minlength=cells).astype(float)
        for d in traces.directions()
    }
    return Grid(
        cell=cell,
        voltage_V=voltage,
        sensed_V=means(traces.voltage_V),
        current_A=means(aligned),
        count=count,
        noise_A=noise,
        smooth_V=smooth,
        level_A=means(row_level),
        row_level_A=row_level,
        moved_A=aligned - row_level,
    )


def _means(cell: IntArray, cells: int, direction: IntArray, values: Array) -> dict[int, Array]:
    """Return the means of a column of the rows at every point, per direction present."""
    out = {}
    for d in (1, -1):
        rows = direction == d
        if rows.any():
            count = np.bincount(cell[rows], minlength=cells)
            total = np.bincount(cell[rows], weights=values[rows], minlength=cells)
            with np.errstate(invalid="ignore"):
                out[d] = np.where(count > 0, total / count, np.nan)
    return out


def _leveled(
    traces: Traces, cell: IntArray, smooth: Array, aligned: Array
) -> tuple[float | None, Array]:
    """Return the noise of a row at given voltage, and the rows' currents moved to `smooth`.

    Where the sensed voltage explains noise of the current (the source is noisier than the
    voltmeter), or there is no setpoint, the current is moved along the slope.
    """
    if traces.setpoint_V is not None:
        noise = noise_against(traces, traces.setpoint_V)
        if noise is None or traces.noise_A is None or noise <= 1.2 * traces.noise_A:
            return noise, aligned
    moved = aligned.copy()
    for d, current in _means(cell, len(smooth), traces.direction, aligned).items():
        rows = traces.direction == d
        known = np.flatnonzero(~np.isnan(current))
        if len(known) < 7:
            continue
        slope = np.zeros(len(smooth))
        slope[known] = slope_weights(smooth[known], 3).apply(current[known])
        off = traces.voltage_V[rows] - smooth[cell[rows]]
        moved[rows] -= slope[cell[rows]] * off
    return traces.noise_A, moved


def _cells(traces: Traces) -> IntArray:
    """Return for every row which point of the sweep it belongs to, counted from the lowest."""
    values = traces.setpoint_V if traces.setpoint_V is not None else traces.voltage_V
    same_leg = traces.leg[1:] == traces.leg[:-1]
    steps = np.abs(np.diff(values))[same_leg]
    steps = steps[steps > 1e-9 * float(np.ptp(values))]
    step = float(np.quantile(steps, 0.1)) if len(steps) else 0.0
    order = np.argsort(values, kind="stable")
    cell = np.empty(len(values), dtype=np.int64)
    cell[order] = np.concatenate([[0], np.cumsum(np.diff(values[order]) > 0.4 * step)])
    return cell


def _smooth(traces: Traces, cell: IntArray, voltage: Array) -> Array:
    """Return the sensed voltage of every point as a cubic of its setpoint, if it is one."""
    if traces.setpoint_V is None or len(voltage) < 8:
        return voltage
    count = np.bincount(cell)
    s = np.bincount(cell, weights=traces.setpoint_V) / count
    s = (s - s.mean()) / float(np.ptp(s))
    powers = s[:, None] ** np.arange(4)
    weight = np.sqrt(count)
    c, *_ = np.linalg.lstsq(powers * weight[:, None], voltage * weight, rcond=None)
    smooth = np.asarray(powers @ c)
    # A lead in series with a structured I(V) bends this relation: then the means are the better.
    off = weight * (voltage - smooth)
    neighbours = float(np.mean(np.diff(off) ** 2)) / 2.0
    return smooth if float(np.mean(off**2)) <= 1.5 * neighbours else voltage


def _align(traces: Traces, cell: IntArray) -> Array:
    """Return the currents, each leg shifted to agree with the mean over its direction's legs."""
    leg = traces.leg - int(traces.leg.min())
    if len(traces.directions()) == len(np.unique(leg)):
        return traces.current_A
    place = cell + (int(cell.max()) + 1) * (traces.direction > 0)
    rows_of_place = np.maximum(np.bincount(place), 1)
    rows_of_leg = np.maximum(np.bincount(leg), 1)
    y = traces.current_A.copy()
    for _ in range(20):
        off = y - (np.bincount(place, weights=y) / rows_of_place)[place]
        shift = np.bincount(leg, weights=off) / rows_of_leg
        y = y - shift[leg]
        if np.max(np.abs(shift)) <= 1e-3 * (traces.noise_A or 0.0) / np.sqrt(len(y)):
            break
    for direction in traces.directions():
        mine = traces.direction == direction
        y[mine] += float(np.mean(traces.current_A[mine]) - np.mean(y[mine]))
    return y


def power_curve(grid: Grid) -> Curve:
    """Return P(V) = −V·I(V), both directions weighing the same."""
    levels = np.array([grid.level_A[d] for d in grid.directions])
    current = np.nanmean(levels, axis=0)
    errors = np.array([grid.stderr_A(d) for d in grid.directions])
    present = np.sum(~np.isnan(levels), axis=0)
    stderr = np.sqrt(np.nansum(errors**2, axis=0)) / present
    if grid.noise_A is None:
        stderr = np.full_like(current, np.nan)
    v = grid.smooth_V
    return Curve(v, -v * current, np.abs(v) * stderr)


def hysteresis(grid: Grid) -> Curve:
    """Return forward minus return current, its `rms` over setpoints with the noise taken off."""
    both = (grid.count[1] > 0) & (grid.count[-1] > 0)
    difference = (grid.level_A[1] - grid.level_A[-1])[both]
    stderr = np.hypot(grid.stderr_A(1), grid.stderr_A(-1))[both]
    rms = _rms(difference, stderr)
    return Curve(grid.smooth_V[both], difference, stderr, extra={"rms": rms})


def _rms(difference: Array, stderr: Array) -> Quantity:
    """Return the root of the mean square beyond the noise."""
    n = len(difference)
    if n == 0:
        return Quantity(None, note="no setpoint was passed in both directions")
    if np.isnan(stderr).any():
        return Quantity(
            float(np.sqrt(np.mean(difference**2))), None, "the noise is unknown and not taken off"
        )
    noise = float(np.mean(stderr**2))
    square = float(np.mean(difference**2)) - noise
    spread = np.sqrt(4.0 * max(square, 0.0) * noise + 2.0 * noise**2) / np.sqrt(n)
    if square <= 0:
        return Quantity(0.0, None, f"below the noise (at most {np.sqrt(2 * spread):.2g} A)")
    rms = float(np.sqrt(square))
    return Quantity(rms, float(spread / (2.0 * rms)))
