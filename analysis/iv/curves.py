"""What an I(V) gives as functions of voltage: power, dI/dV, hysteresis; of many runs at a time."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nanojunction.analysis.iv.derivative import Derivative, means_of_directions
from nanojunction.analysis.iv.drift import linear_drifts, without_drift
from nanojunction.analysis.iv.global_model import GlobalModel
from nanojunction.analysis.iv.grid import Grid, grids_of, levels, stderrs_of_levels
from nanojunction.analysis.iv.traces import Stack, Traces, alike, gradients_of_legs
from nanojunction.analysis.together import in_groups
from nanojunction.analysis.values import Array, Curve, Quantity

_SURE = 3.0  # standard deviations of a mean square that is more than noise
_OF_NOISE = 4.0  # variance of the noise's own variance from differences, a point
_NAMES = {1: "forward", -1: "return"}


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """An I(V) at the points of its sweep, with dI/dV and a smooth description, if it has one."""

    traces: Traces
    grid: Grid
    derivatives: Mapping[int, Derivative]
    smooth: GlobalModel | None


def _alike(one: Measured) -> Hashable:
    return alike(one.traces), id(one.grid.layout), one.smooth is None


def curves_of(many: Sequence[Measured]) -> list[dict[str, Curve]]:
    """Return the curves of runs, by the keys of the results."""
    return in_groups(many, _alike, _curves_of_alike)


def _curves_of_alike(many: Sequence[Measured]) -> list[dict[str, Curve]]:
    grids = [one.grid for one in many]
    found = [{"p_v_W": curve} for curve in _power_curves(grids)]
    if many[0].derivatives:
        means = means_of_directions([one.derivatives for one in many])
        for curves, one, mean in zip(found, many, means, strict=True):
            curves["conductance_S"] = mean
            for direction, derivative in one.derivatives.items():
                curves[f"conductance_{_NAMES[direction]}_S"] = derivative.to_curve()
    if len(grids[0].directions) == 2:
        traces = [one.traces for one in many]
        for curves, curve in zip(found, _without_drift(traces, grids), strict=True):
            curves["hysteresis_A"] = curve
    return found


def _power_curves(grids: Sequence[Grid]) -> list[Curve]:
    """Return P(V) = −V·I(V), both directions weighing the same."""
    v = np.array([grid.smooth_V for grid in grids])
    current, variance = np.zeros((2, *v.shape))
    present = np.zeros(v.shape[1])
    for d, count in grids[0].count.items():
        here = np.flatnonzero(count > 0)
        present[here] += 1.0
        current[:, here] += np.take(levels(grids, d), here, axis=1)
        variance[:, here] += np.take(stderrs_of_levels(grids, d), here, axis=1) ** 2
    power, stderr = -v * (current / present), np.abs(v) * np.sqrt(variance) / present
    return [Curve(*each) for each in zip(v, power, stderr, strict=True)]


def _without_drift(many: Sequence[Traces], grids: Sequence[Grid]) -> list[Curve]:
    """Return the hysteresis, a linear drift beyond doubt taken off; both are told."""
    drifts = linear_drifts(many, grids)
    still = [without_drift(traces, drift) for traces, drift in zip(many, drifts, strict=True)]
    shifted = iter(grids_of([traces for traces in still if traces is not None]))
    used = [
        grid if traces is None else next(shifted) for grid, traces in zip(grids, still, strict=True)
    ]
    return [
        replace(
            curve, extra={**curve.extra, "drift_A": drift, "drift_taken_off": traces is not None}
        )
        for curve, drift, traces in zip(_hystereses(used), drifts, still, strict=True)
    ]


def _hystereses(grids: Sequence[Grid]) -> list[Curve]:
    """Return forward minus return current, its `rms` over setpoints with the noise taken off."""
    count = grids[0].count
    both = np.flatnonzero((count[1] > 0) & (count[-1] > 0))
    up, down = (np.take(levels(grids, d), both, axis=1) for d in (1, -1))
    difference = up - down
    stderr = np.hypot(*(np.take(stderrs_of_levels(grids, d), both, axis=1) for d in (1, -1)))
    v = np.take(np.array([grid.smooth_V for grid in grids]), both, axis=1)
    return [
        Curve(x, y, error, extra={"rms": rms})
        for x, y, error, rms in zip(v, difference, stderr, _rms(difference, stderr), strict=True)
    ]


def _rms(difference: Array, stderr: Array) -> list[Quantity]:
    """Return the roots of the mean squares beyond the noise, of each row."""
    n = difference.shape[1]
    if n == 0:
        note = "no setpoint was passed in both directions"
        return [Quantity(None, note=note)] * len(difference)
    square, variance = difference**2, stderr**2
    # Signal and noise of a setpoint belong together: where a curve is steep there is most noise.
    of_signal = np.mean(4.0 * (square - variance) * variance, axis=1)
    of_noise = np.mean(variance**2, axis=1)
    means = np.stack([square.mean(axis=1), variance.mean(axis=1), of_signal, of_noise], axis=1)
    return [_beyond(a, b, c, d, n) for a, b, c, d in means.tolist()]


def _beyond(square: float, noise: float, of_signal: float, of_noise: float, n: int) -> Quantity:
    """Return the root of a mean square of n values less the noise in it.

    `of_signal` and `of_noise` are the means of four times signal times noise and of the square of
    the noise, all of them variances.
    """
    if math.isnan(noise):
        return Quantity(math.sqrt(square), None, "the noise is unknown and not taken off")
    square -= noise
    # The noise that is taken off is known from the same rows only to so much.
    of_noise = 2.0 * of_noise + _OF_NOISE * noise**2
    spread = math.sqrt((max(of_signal, 0.0) + of_noise) / n)
    if square <= _SURE * math.sqrt(of_noise / n):
        most = math.sqrt(max(square, 0.0) + 2.0 * spread)
        return Quantity(0.0, None, f"below the noise (at most {most:.2g} A)")
    rms = math.sqrt(square)
    return Quantity(rms, spread / (2.0 * rms))


def unexplained(many: Sequence[Measured]) -> list[dict[int, Array]]:
    """Return what smooth descriptions leave of the currents at `smooth_V`, per direction.

    Empty without a description.
    """
    return in_groups(many, _alike, _unexplained_of_alike)


def _unexplained_of_alike(many: Sequence[Measured]) -> list[dict[int, Array]]:
    residuals = [one.smooth.residual_A for one in many if one.smooth is not None]
    if not residuals:
        return [{} for _ in many]
    stack, layout = Stack.of([one.traces for one in many]), many[0].grid.layout
    residual = np.array(residuals)
    slope = gradients_of_legs(stack, stack.current_A - residual)
    off = stack.voltage_V - np.take(
        np.array([one.grid.smooth_V for one in many]), layout.cell, axis=1
    )
    moved = np.array([one.grid.moved_A for one in many])
    means = layout.means(residual + slope * off - moved)
    return [{d: each[k] for d, each in means.items()} for k in range(len(many))]
