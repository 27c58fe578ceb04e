"""Repeated legs brought together at the setpoints of a sweep, directions apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.traces import IntArray, Traces, noise_against
from nanojunction.analysis.values import Array, Curve, Quantity


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Means over the legs of a direction at each point of the sweep.

    `voltage_V` is the sensed voltage, averaged over everything at a point. Per direction (+1, −1)
    `sensed_V` and `current_A` are the means (NaN where a direction has no row) and `count` is the
    number of rows. `noise_A` is the standard deviation of one row at a given point, None if unknown. `cell`
    says for every row of the traces which point it belongs to.
    """

    cell: IntArray
    voltage_V: Array
    sensed_V: Mapping[int, Array]
    current_A: Mapping[int, Array]
    count: Mapping[int, Array]
    noise_A: float | None

    @property
    def directions(self) -> tuple[int, ...]:
        """The directions present."""
        return tuple(self.current_A)

    def stderr_A(self, direction: int) -> Array:
        """Return the standard error of the mean current, NaN where it is unknown."""
        with np.errstate(divide="ignore"):
            noise = np.nan if self.noise_A is None else self.noise_A
            return np.asarray(
                np.where(self.count[direction] > 0, noise / np.sqrt(self.count[direction]), np.nan)
            )


def grid_of(traces: Traces) -> Grid:
    """Return the means at equal setpoints, or at about equal voltages where none are known."""
    cell = _cells(traces)
    cells = int(cell.max()) + 1
    voltage = np.bincount(cell, weights=traces.voltage_V, minlength=cells) / np.bincount(cell)
    voltages: dict[int, Array] = {}
    currents: dict[int, Array] = {}
    counts: dict[int, Array] = {}
    for direction in traces.directions():
        mine = traces.direction == direction
        count = np.bincount(cell[mine], minlength=cells).astype(float)
        with np.errstate(invalid="ignore"):
            for means, values in ((voltages, traces.voltage_V), (currents, traces.current_A)):
                total = np.bincount(cell[mine], weights=values[mine], minlength=cells)
                means[direction] = np.where(count > 0, total / count, np.nan)
        counts[direction] = count
    noise = traces.noise_A
    if traces.setpoint_V is not None:
        noise = noise_against(traces, traces.setpoint_V)
    return Grid(cell, voltage, voltages, currents, counts, noise)


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


def power_curve(grid: Grid) -> Curve:
    """Return P(V) = −V·I(V), both directions weighing the same."""
    current = np.nanmean(np.array([grid.current_A[d] for d in grid.directions]), axis=0)
    errors = np.array([grid.stderr_A(d) for d in grid.directions])
    present = np.sum(~np.isnan(np.array([grid.current_A[d] for d in grid.directions])), axis=0)
    stderr = np.sqrt(np.nansum(errors**2, axis=0)) / present
    if grid.noise_A is None:
        stderr = np.full_like(current, np.nan)
    v = grid.voltage_V
    return Curve(v, -v * current, np.abs(v) * stderr)


def hysteresis(grid: Grid) -> Curve:
    """Return forward minus return current, its `rms` over setpoints with the noise taken off."""
    both = (grid.count[1] > 0) & (grid.count[-1] > 0)
    difference = (grid.current_A[1] - grid.current_A[-1])[both]
    stderr = np.hypot(grid.stderr_A(1), grid.stderr_A(-1))[both]
    rms = _rms(difference, stderr)
    return Curve(grid.voltage_V[both], difference, stderr, extra={"rms": rms})


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
