"""Repeated legs brought together at the setpoints of a sweep, directions apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.layout import FEWEST_OF_A_CUBIC, Layout, layout_of
from nanojunction.analysis.slopes import slope_weights
from nanojunction.analysis.stencils import IntArray
from nanojunction.analysis.traces import Traces, noise_against
from nanojunction.analysis.values import Array, Curve, Quantity

_SURE = 3.0  # standard deviations of a mean square that is more than noise
_OF_NOISE = 4.0  # variance of the noise's own variance from differences, a point


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
    `relative_noise` is the noise at a point over `noise_A`, None where it is the same everywhere.
    """

    layout: Layout
    voltage_V: Array
    sensed_V: Mapping[int, Array]
    current_A: Mapping[int, Array]
    noise_A: float | None
    smooth_V: Array
    level_A: Mapping[int, Array]
    row_level_A: Array
    moved_A: Array
    relative_noise: Array | None

    @property
    def directions(self) -> tuple[int, ...]:
        """The directions present."""
        return tuple(self.current_A)

    @property
    def cell(self) -> IntArray:
        """Which point of the sweep each row belongs to."""
        return self.layout.cell

    @property
    def count(self) -> Mapping[int, Array]:
        """The number of rows at each point, per direction."""
        return self.layout.count

    def means(self, values: Array) -> dict[int, Array]:
        """Return the means of a column of the rows at every point, NaN where there is no row."""
        return self.layout.means(values)

    def stderr_A(self, direction: int) -> Array:
        """Return the standard error of the mean current, NaN where it is unknown."""
        error = self.layout.error[direction] * (np.nan if self.noise_A is None else self.noise_A)
        return error if self.relative_noise is None else error * self.relative_noise


def grid_of(traces: Traces) -> Grid:
    """Return the means at equal setpoints, or at about equal voltages where none are known."""
    values = traces.setpoint_V if traces.setpoint_V is not None else traces.voltage_V
    layout = layout_of(values, traces.leg, traces.direction)
    voltage = np.bincount(layout.cell, weights=traces.voltage_V) / layout.rows
    aligned = _align(traces, layout)
    smooth = _smooth(traces, layout, voltage)
    noise, row_level = _leveled(traces, layout, smooth, aligned)
    current = layout.means(aligned)
    return Grid(
        layout=layout,
        voltage_V=voltage,
        sensed_V=layout.means(traces.voltage_V),
        current_A=current,
        noise_A=noise,
        smooth_V=smooth,
        level_A=current if row_level is aligned else layout.means(row_level),
        row_level_A=row_level,
        moved_A=aligned - row_level,
        relative_noise=(
            None
            if traces.relative_noise is None
            else np.bincount(layout.cell, weights=traces.relative_noise) / layout.rows
        ),
    )


def _leveled(
    traces: Traces, layout: Layout, smooth: Array, aligned: Array
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
    cell = layout.cell
    for d, current in layout.means(aligned).items():
        rows = traces.direction == d
        known = np.flatnonzero(~np.isnan(current))
        if len(known) < 7:
            continue
        slope = np.zeros(len(smooth))
        slope[known] = slope_weights(smooth[known], 3).apply(current[known])
        off = traces.voltage_V[rows] - smooth[cell[rows]]
        moved[rows] -= slope[cell[rows]] * off
    return traces.noise_A, moved


def _smooth(traces: Traces, layout: Layout, voltage: Array) -> Array:
    """Return the sensed voltage of every point as a cubic of its setpoint, if it is one."""
    if traces.setpoint_V is None or len(voltage) < FEWEST_OF_A_CUBIC:
        return voltage
    weight = np.sqrt(layout.rows)
    smooth = layout.cubic @ (layout.cubic.T @ (voltage * weight)) / weight
    # A lead in series with a structured I(V) bends this relation: then the means are the better.
    off = weight * (voltage - smooth)
    change = np.diff(off)
    neighbours = float(change @ change) / len(change) / 2.0
    return smooth if float(off @ off) / len(off) <= 1.5 * neighbours else voltage


def _align(traces: Traces, layout: Layout) -> Array:
    """Return the currents, each leg shifted to agree with the mean over its direction's legs."""
    y = traces.current_A
    if not layout.repeated:
        return y
    total = shift = layout.offsets_of_legs(y)
    least = 1e-3 * (traces.noise_A or 0.0) / np.sqrt(len(y))
    for _ in range(19):
        if np.max(np.abs(shift)) <= least:
            break
        if layout.shifting is not None:
            shift = shift - layout.shifting @ shift
        else:
            shift = layout.offsets_of_legs(y - total[layout.leg])
        total = total + shift
    y = y - total[layout.leg]
    for direction in traces.directions():
        mine = traces.direction == direction
        y[mine] += float(np.mean(traces.current_A[mine]) - np.mean(y[mine]))
    return y


def power_curve(grid: Grid) -> Curve:
    """Return P(V) = −V·I(V), both directions weighing the same."""
    current, variance, present = np.zeros((3, len(grid.smooth_V)))
    for d in grid.directions:
        here = grid.count[d] > 0
        present += here
        current[here] += grid.level_A[d][here]
        variance[here] += grid.stderr_A(d)[here] ** 2
    v = grid.smooth_V
    return Curve(v, -v * (current / present), np.abs(v) * np.sqrt(variance) / present)


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
    # The noise that is taken off is known from the same rows only to so much.
    if square <= _SURE * noise * np.sqrt((2.0 + _OF_NOISE) / n):
        most = np.sqrt(max(square, 0.0) + 2.0 * spread)
        return Quantity(0.0, None, f"below the noise (at most {most:.2g} A)")
    rms = float(np.sqrt(square))
    return Quantity(rms, float(spread / (2.0 * rms)))
