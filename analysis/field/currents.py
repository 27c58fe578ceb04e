"""The current of one state at given voltages: I(V) of several legs and runs on a common grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.run import Run
from nanojunction.analysis.values import Array

_SAME_VOLTAGE = 0.3
_COARSER = 1.8
_BEYOND = 0.3
_POOL = 11


@dataclass(frozen=True, slots=True, eq=False)
class VoltageLeg:
    """One leg of I(V) in order of rising voltage, one entry a voltage."""

    voltage_V: Array
    current_A: Array
    rising: bool

    @property
    def step_V(self) -> float:
        """The median distance of neighbouring voltages."""
        return float(np.median(np.diff(self.voltage_V)))


def voltage_legs(runs: Sequence[Run]) -> list[VoltageLeg]:
    """Return the legs of I(V) runs that have at least three voltages, rows in compliance left out.

    Readings of one leg at the same voltage are averaged.
    """
    out = []
    for run in runs:
        usable = ~run.in_compliance & np.isfinite(run.voltage_V) & np.isfinite(run.current_A)
        for index in np.unique(run.leg):
            rows = np.flatnonzero(usable & (run.leg == index))
            voltage, current = run.voltage_V[rows], run.current_A[rows]
            if len(rows) < 3 or np.ptp(voltage) == 0:
                continue
            rising = bool(voltage[-1] > voltage[0])
            order = np.argsort(voltage, kind="stable")
            step = float(np.ptp(voltage)) / (len(rows) - 1)
            group = _clusters(voltage[order], _SAME_VOLTAGE * step)
            if group[-1] < 2:
                continue
            share = np.bincount(group)
            out.append(
                VoltageLeg(
                    np.bincount(group, voltage[order]) / share,
                    np.bincount(group, current[order]) / share,
                    rising,
                )
            )
    return out


def _clusters(ordered: Array, gap: float) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Number the groups of ordered values that lie within `gap` of their neighbour."""
    new = np.concatenate([[False], np.diff(ordered) > gap])
    return np.cumsum(new).astype(np.int64)


def sampled_voltages(legs: Sequence[VoltageLeg]) -> Array:
    """Return the voltages at which the legs were measured, those of one setpoint averaged."""
    voltage = np.sort(np.concatenate([leg.voltage_V for leg in legs]))
    group = _clusters(voltage, _SAME_VOLTAGE * min(leg.step_V for leg in legs))
    return np.asarray(np.bincount(group, voltage) / np.bincount(group))


def common_grid(first: Sequence[VoltageLeg], second: Sequence[VoltageLeg]) -> Array:
    """Return the voltages of the coarser of two sets of legs, where both were measured (V)."""
    grids = [sampled_voltages(legs) for legs in (first, second)]
    margin = _BEYOND * max(leg.step_V for leg in (*first, *second))
    low = max(grid[0] for grid in grids) - margin
    high = min(grid[-1] for grid in grids) + margin
    shared = [grid[(grid >= low) & (grid <= high)] for grid in grids]
    return min(shared, key=len)


def current_at(legs: Sequence[VoltageLeg], voltage_V: Array) -> tuple[Array, Array]:
    """Return the mean current at given voltages and its standard error (NaN outside the legs).

    Each leg is interpolated with the cubic through its four nearest voltages; a leg that is
    coarser than the finest one there does not enter. Rising and falling legs weigh the same. The
    error follows from the scatter of legs of one direction, pooled over neighbouring voltages;
    where no direction has two legs, from the scatter of each leg about its own neighbours.
    """
    table = np.array([_interpolated(leg, voltage_V) for leg in legs])
    gaps = np.array([_gap(leg, voltage_V) for leg in legs])
    finest = np.min(np.where(np.isnan(table), np.inf, gaps), axis=0)
    table = np.where(gaps > _COARSER * finest, np.nan, table)
    rising = np.array([leg.rising for leg in legs])
    sides = [table[rising], table[~rising]]
    counts = np.array([np.sum(~np.isnan(side), axis=0) for side in sides])
    sums = np.array([np.nansum(side, axis=0) for side in sides])
    means = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    deviations = [side - mean for side, mean in zip(sides, means, strict=True)]
    squares = np.sum([np.nansum(item**2, axis=0) for item in deviations], axis=0)
    freedom = np.sum(np.maximum(counts - 1, 0), axis=0)
    if np.any(freedom):
        variance = _pooled(squares, freedom)
    else:
        variance = np.mean([_own_noise(leg, voltage_V) ** 2 for leg in legs], axis=0)
    present = counts > 0
    share = np.sum(np.where(present, 1.0 / np.maximum(counts, 1), 0.0), axis=0)
    number = np.sum(present, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(number > 0, np.nansum(means, axis=0) / number, np.nan)
        stderr = np.where(number > 0, np.sqrt(variance * share) / number, np.nan)
    return np.asarray(mean), np.asarray(stderr)


def _pooled(squares: Array, freedom: Array) -> Array:
    """Return the variance of one leg, from the neighbourhood of each voltage."""
    window = np.ones(min(_POOL, len(squares)))
    near = np.convolve(freedom, window, mode="same")
    total = float(np.sum(squares) / np.sum(freedom))
    local = np.convolve(squares, window, mode="same")
    return np.asarray(np.divide(local, near, out=np.full(len(near), total), where=near > 0))


def _gap(leg: VoltageLeg, voltage_V: Array) -> Array:
    """Return the distance of the two readings around each voltage, 0 on top of a reading."""
    right = np.clip(np.searchsorted(leg.voltage_V, voltage_V), 1, len(leg.voltage_V) - 1)
    low, high = leg.voltage_V[right - 1], leg.voltage_V[right]
    off = np.minimum(np.abs(voltage_V - low), np.abs(high - voltage_V))
    return np.where(off < 0.1 * leg.step_V, 0.0, high - low)


def _interpolated(leg: VoltageLeg, voltage_V: Array) -> Array:
    """Return the current by the cubic through four readings, NaN beyond a third of a step."""
    x, y = leg.voltage_V, leg.current_A
    nodes = min(4, len(x))
    right = np.searchsorted(x, voltage_V)
    start = np.clip(right - nodes // 2, 0, len(x) - nodes)
    index = start[:, None] + np.arange(nodes)[None, :]
    inside = (voltage_V > x[0] - _BEYOND * leg.step_V) & (voltage_V < x[-1] + _BEYOND * leg.step_V)
    value = np.sum(_lagrange(x[index], voltage_V) * y[index], axis=1)
    return np.where(inside, value, np.nan)


def _lagrange(nodes: Array, at: Array) -> Array:
    """Return the weights of the polynomial through `nodes` (points, n) at `at` (points)."""
    count = nodes.shape[1]
    weights = np.ones_like(nodes)
    for one in range(count):
        for other in range(count):
            if other != one:
                weights[:, one] *= (at - nodes[:, other]) / (nodes[:, one] - nodes[:, other])
    return weights


def _own_noise(leg: VoltageLeg, voltage_V: Array) -> Array:
    """Return the noise of one reading of a leg, from its distance to its neighbours' curve."""
    x, y = leg.voltage_V, leg.current_A
    reach = 2 if len(x) >= 9 else 1
    offsets = np.array([k for k in range(-reach, reach + 1) if k != 0])
    middle = np.arange(reach, len(x) - reach)
    index = middle[:, None] + offsets[None, :]
    weights = _lagrange(x[index], x[middle])
    residual = y[middle] - np.sum(weights * y[index], axis=1)
    residual /= np.sqrt(1.0 + np.sum(weights**2, axis=1))
    size = min(15, len(residual))
    windows = np.lib.stride_tricks.sliding_window_view(np.abs(residual), size)
    noise = 1.4826 * np.median(windows, axis=1)
    centre = x[middle][np.arange(len(noise)) + size // 2]
    return np.asarray(np.interp(voltage_V, centre, noise))
