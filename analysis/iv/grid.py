"""Repeated legs brought together at the setpoints of a sweep, directions apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.iv.layout import FEWEST_OF_A_CUBIC, Layout, layout_of
from nanojunction.analysis.iv.slopes import slope_weights
from nanojunction.analysis.iv.stencils import IntArray, noise_of, stencils_of
from nanojunction.analysis.iv.traces import Stack, Traces, alike, noises_against
from nanojunction.analysis.iv.uneven_noise import FEWEST_DEVIATIONS, courses_of, relative_noises
from nanojunction.analysis.together import in_groups, times
from nanojunction.analysis.values import Array


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
    `relative_noise` is the noise at a point over `noise_A`, None where it is the same everywhere;
    `relative_of_level` is that of a level: what the voltmeter adds at a steep place is not in it.
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
    relative_of_level: Array | None

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


def levels(grids: Sequence[Grid], direction: int) -> Array:
    """Return the currents at `smooth_V` of runs of one layout, (runs, points)."""
    return np.array([grid.level_A[direction] for grid in grids])


def stderrs(grids: Sequence[Grid], direction: int) -> Array:
    """Return what `Grid.stderr_A` does for runs of one layout, (runs, points)."""
    noise = np.array([np.nan if grid.noise_A is None else grid.noise_A for grid in grids])
    error = noise[:, None] * grids[0].layout.error[direction]
    relative = [grid.relative_noise for grid in grids if grid.relative_noise is not None]
    return np.asarray(error * np.array(relative) if relative else error)


def stderrs_of_levels(grids: Sequence[Grid], direction: int) -> Array:
    """Return the standard errors of `levels`, (runs, points), NaN where they are unknown."""
    noise = np.array([np.nan if grid.noise_A is None else grid.noise_A for grid in grids])
    error = noise[:, None] * grids[0].layout.error[direction]
    relative = [one.relative_of_level for one in grids if one.relative_of_level is not None]
    return np.asarray(error * np.array(relative) if relative else error)


def grid_of(traces: Traces) -> Grid:
    """Return the means at equal setpoints, or at about equal voltages where none are known."""
    return grids_of([traces])[0]


def grids_of(many: Sequence[Traces]) -> list[Grid]:
    """Return what `grid_of` does for each run."""
    return in_groups(many, alike, _grids_of_alike)


def _grids_of_alike(many: Sequence[Traces]) -> list[Grid]:
    stack = Stack.of(many)
    values = stack.setpoint_V if stack.setpoint_V is not None else many[0].voltage_V
    layout = layout_of(values, stack.leg, stack.direction)
    voltage = layout.mean_of_cell(stack.voltage_V)
    aligned = _align(stack, layout)
    smooth = _smooth(stack, layout, voltage)
    noise, row_level, of_level = _leveled(stack, layout, smooth, aligned)
    moved = aligned - row_level
    relative, of_level = (
        None if each is None else layout.mean_of_cell(each)
        for each in (stack.relative_noise, of_level)
    )
    sensed, current, level = (layout.means(v) for v in (stack.voltage_V, aligned, row_level))
    return [
        Grid(
            layout=layout,
            voltage_V=voltage[k],
            sensed_V={d: means[k] for d, means in sensed.items()},
            current_A={d: means[k] for d, means in current.items()},
            noise_A=None if math.isnan(noise[k]) else float(noise[k]),
            smooth_V=smooth[k],
            level_A={d: means[k] for d, means in level.items()},
            row_level_A=row_level[k],
            moved_A=moved[k],
            relative_noise=None if relative is None else relative[k],
            relative_of_level=None if of_level is None else of_level[k],
        )
        for k in range(len(many))
    ]


def _leveled(
    stack: Stack, layout: Layout, smooth: Array, aligned: Array
) -> tuple[Array, Array, Array | None]:
    """Return the noises of a row at given voltage, the rows' currents moved to `smooth`.

    And the noise of each level over these. Where the sensed voltage explains noise of the current
    (the source is noisier than the voltmeter), or there is no setpoint, the current is moved along
    the slope.
    """
    noise = np.full(len(aligned), np.nan)
    explained = np.ones(len(aligned), dtype=bool)
    if stack.setpoint_V is not None:
        noise = noises_against(stack, stack.setpoint_V)
        explained = noise > 1.2 * stack.noise_A
    relative = _relative_of_levels(stack, noise, np.flatnonzero(~explained & (noise > 0.0)))
    if not explained.any():
        return noise, aligned, relative
    noise = np.where(explained, stack.noise_A, noise)
    moved = aligned.copy()
    for k in np.flatnonzero(explained).tolist():
        moved[k] = _moved(stack.voltage_V[k], aligned[k], smooth[k], stack.direction, layout)
    return noise, moved, relative


def _relative_of_levels(stack: Stack, noise: Array, at_setpoints: IntArray) -> Array | None:
    """Return the noise of each row over `noise`, None where it is the same everywhere.

    For runs whose levels are the currents at the setpoints it is told against these: there the
    voltmeter adds nothing, however steep the curve.
    """
    if stack.relative_noise is None or stack.setpoint_V is None or len(at_setpoints) == 0:
        return stack.relative_noise
    stencils = stencils_of(stack.setpoint_V, stack.leg)
    if len(stencils.centre) < FEWEST_DEVIATIONS:
        return stack.relative_noise
    relative = stack.relative_noise.copy()
    current = stack.current_A[at_setpoints]
    deviation = stencils.deviations(current)
    courses = courses_of(np.tile(stack.setpoint_V, (len(current), 1)), current)
    found = relative_noises(courses, deviation, stencils.centre)
    for k, one, off in zip(at_setpoints.tolist(), found, deviation, strict=True):
        own = np.ones(len(stack.leg)) if one is None else one
        relative[k] = own * noise_of(np.abs(off / own[stencils.centre])) / noise[k]
    return relative


def _moved(
    voltage: Array, aligned: Array, smooth: Array, direction: IntArray, layout: Layout
) -> Array:
    """Return the currents of a run, moved along the slope to the smooth voltages."""
    moved = aligned.copy()
    cell = layout.cell
    for d, current in layout.means(aligned).items():
        rows = direction == d
        known = np.flatnonzero(~np.isnan(current))
        if len(known) < 7:
            continue
        slope = np.zeros(len(smooth))
        slope[known] = slope_weights(smooth[known], 3).apply(current[known])
        off = voltage[rows] - smooth[cell[rows]]
        moved[rows] -= slope[cell[rows]] * off
    return moved


def _smooth(stack: Stack, layout: Layout, voltage: Array) -> Array:
    """Return the sensed voltages of the points as cubics of the setpoint, where they are."""
    if stack.setpoint_V is None or voltage.shape[1] < FEWEST_OF_A_CUBIC:
        return voltage
    weight = np.sqrt(layout.rows)
    smooth = times(times(voltage * weight, layout.cubic), layout.cubic.T) / weight
    # A lead in series with a structured I(V) bends this relation: then the means are the better.
    off = weight * (voltage - smooth)
    neighbours = np.mean(np.diff(off, axis=1) ** 2, axis=1) / 2.0
    is_cubic = np.mean(off * off, axis=1) <= 1.5 * neighbours
    return np.where(is_cubic[:, None], smooth, voltage)


def _align(stack: Stack, layout: Layout) -> Array:
    """Return the currents, each leg shifted to agree with the mean over its direction's legs."""
    y = stack.current_A
    if not layout.repeated:
        return y
    total = shift = layout.offsets_of_legs(y)
    least = 1e-3 * np.nan_to_num(stack.noise_A) / np.sqrt(y.shape[1])
    for _ in range(19):
        moving = np.max(np.abs(shift), axis=1) > least
        if not moving.any():
            break
        if layout.shifting is not None:
            shift = shift - times(shift, layout.shifting.T)
        else:
            shift = layout.offsets_of_legs(y - np.take(total, layout.leg, axis=1))
        shift = np.where(moving[:, None], shift, 0.0)
        total = total + shift
    y = y - np.take(total, layout.leg, axis=1)
    for direction in stack.directions():
        mine = np.flatnonzero(stack.direction == direction)
        before, after = np.take(stack.current_A, mine, axis=1), np.take(y, mine, axis=1)
        y[:, mine] += (np.mean(before, axis=1) - np.mean(after, axis=1))[:, None]
    return y
