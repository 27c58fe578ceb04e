"""The power that junctions deliver, P(V) = −V·I(V), and their fill factors, of many runs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from nanojunction.analysis.iv.expansion import (
    Curves,
    Expansions,
    exchanged,
    joint_errors,
)
from nanojunction.analysis.iv.offsets import SIGNIFICANT, Blocks, Crossings
from nanojunction.analysis.iv.stencils import IntArray
from nanojunction.analysis.values import Array, Quantity

_GENERATES = 2.5  # standard errors of V_off: a resistor exceeds them in 1 % of runs
_STEPS = 8
_FEW = 7  # blocks between 0 V and V_off from which the best of them is the beginning
_NOTHING = "nothing is generated"


@dataclass(frozen=True, slots=True, eq=False)
class Maxima:
    """The maximum of P(V) of each run, and the I(V) around those that there are.

    `at` (runs,) says which of the curves is a run's, −1 where there is none.
    """

    power: list[Quantity]
    voltage: list[Quantity]
    at: IntArray
    curve: Expansions | None = None


def find_maxima(blocks: Blocks, curves: Curves, crossings: Crossings | None) -> Maxima:
    """Return the maxima of P(V) = −V·I between 0 and V_off, or over the range where it is none."""
    runs = len(curves)
    v = blocks.voltage_V
    nowhere = Quantity(0.0, note=f"{_NOTHING}: V·I is not negative anywhere")
    found = Maxima([nowhere] * runs, [Quantity(None, note=_NOTHING)] * runs, np.full(runs, -1))
    end = _ends(crossings, runs)
    is_open = np.isnan(end)
    start = _starts(blocks, end)
    for k in np.flatnonzero(np.isinf(start)).tolist():
        rises = Quantity(None, note="P rises to the end of the swept range")
        found.power[k] = found.voltage[k] = rises
    some = np.flatnonzero(np.isfinite(start))
    if len(some) == 0:
        return found
    low = np.where(is_open, v.min(axis=1), np.minimum(0.0, end))[some]
    high = np.where(is_open, v.max(axis=1), np.maximum(0.0, end))[some]
    climbed = _climbed(curves, some, start[some], low, high)
    found.at[some] = np.arange(len(some))
    numbers = (values.tolist() for values in (some, is_open[some], *climbed[:4]))
    for k, without, at_V, width_V, most, error in zip(*numbers, strict=True):
        if not without and not most > 0.0:
            found.power[k], found.voltage[k] = _nothing_inside(blocks, k)
            found.at[k] = -1
            continue
        note = "I does not cross zero in the swept range" if without else None
        note = note if math.isfinite(error) else "too few points for a standard error"
        found.power[k], found.voltage[k] = _known(most, error, note), _known(at_V, width_V, note)
    return replace(found, curve=climbed[4])


def _ends(crossings: Crossings | None, runs: int) -> Array:
    """Return V_off of each run, NaN where there is none, 0 where it is within its error of 0."""
    end = np.full(runs, np.nan)
    if crossings is not None:
        some = np.flatnonzero(crossings.nearest >= 0)
        at = crossings.nearest[some]
        v, stderr = crossings.voltage_V[at], crossings.stderr_V[at]
        end[some] = np.where(np.abs(v) <= _GENERATES * stderr, 0.0, v)
    return end


def _starts(blocks: Blocks, end: Array) -> Array:
    """Return voltages near the maximum of P; NaN where nothing is generated, inf where P rises."""
    v, power = blocks.voltage_V, -blocks.voltage_V * blocks.current_A
    inside = (v * end[:, None] > 0.0) & (np.abs(v) < np.abs(end)[:, None])
    padded = np.zeros((len(v), v.shape[1] + 4))
    padded[:, 2:-2][inside] = power[inside]
    smooth = sum(padded[:, k : k + v.shape[1]] for k in range(5))
    top = np.argmax(np.where(inside, smooth, -np.inf), axis=1)
    start = np.take_along_axis(v, top[:, None], axis=1)[:, 0]
    start = np.where(np.count_nonzero(inside, axis=1) < _FEW, 0.5 * end, start)
    start[end == 0.0] = np.nan
    for k in np.flatnonzero(np.isnan(end)).tolist():
        start[k] = _start_without_end(v[k], power[k], blocks.stderr_A[k])
    return start


def _start_without_end(v: Array, power: Array, stderr_A: Array) -> float:
    """Return what `_starts` does for a run whose current does not cross zero."""
    if not (power > SIGNIFICANT * np.abs(v) * stderr_A).any():
        return math.nan
    smooth = np.convolve(np.pad(power, 1, mode="edge"), np.ones(3) / 3, mode="valid")
    top = int(np.argmax(smooth))
    return math.inf if top <= 1 or top >= len(v) - 2 else float(v[top])


def _nothing_inside(blocks: Blocks, k: int) -> tuple[Quantity, Quantity]:
    """Return that nothing is generated between 0 V and V_off, and where else something is."""
    v = blocks.voltage_V[k]
    power = -v * blocks.current_A[k]
    reason = f"{_NOTHING} between 0 V and V_off"
    most = int(np.argmax(power))
    if power[most] > SIGNIFICANT * abs(v[most]) * blocks.stderr_A[k, most]:
        reason += f", but beyond: V·I is negative at {v[most]:.4g} V"
    return Quantity(0.0, note=reason), Quantity(None, note=reason)


def _climbed(
    curves: Curves, run: IntArray, start: Array, low: Array, high: Array
) -> tuple[Array, Array, Array, Array, Expansions]:
    """Return the maxima of −V·I(V) of the local curves near `start`.

    Voltages with their errors, powers with theirs, and the curves there.
    """
    v, bend = start, np.empty(len(start))
    active = np.arange(len(v))
    curve = here = curves.at(run, v, 0)
    for step in range(_STEPS):
        if step > 0:
            here = curves.at(run[active], v[active], 0)
            curve = curve.put(active, here)
        bend[active] = 2.0 * here.c[:, 1] + 2.0 * v[active] * here.c[:, 2]
        rises = ~(bend[active] <= 0.0)
        if not rises.all():
            active, here = active[rises], here.take(np.flatnonzero(rises))
        if len(active) == 0:
            break
        at_V = v[active]
        slope = here.c[:, 0] + at_V * here.c[:, 1]
        error = joint_errors([(1.0, 0, here), (at_V, 1, here)]) / bend[active]
        new = np.minimum(np.maximum(at_V - slope / bend[active], low[active]), high[active])
        moved, v = np.abs(new - at_V), exchanged(v, active, new)
        there = (moved <= 0.1 * error) | (moved <= 1e-9 * (high - low)[active])
        active = active[~there]
        if len(active) == 0:
            break
    x = v - curve.at_V
    c0, c1, c2 = curve.c.T
    power = -v * (c0 + c1 * x + c2 * x * x)
    stderr = np.abs(v) * curve.errors((1.0, x, x * x))
    with np.errstate(divide="ignore", invalid="ignore"):
        width = joint_errors([(1.0, 0, curve), (v, 1, curve)]) / bend
    return v, np.where(bend > 0.0, width, np.nan), power, stderr, curve


def _known(value: float, stderr: float, note: str | None) -> Quantity:
    return Quantity(value, stderr if math.isfinite(stderr) else None, note)


def fill_factors(
    maxima: Maxima, crossings: Crossings | None, zero: Expansions | None, zero_at: IntArray
) -> list[Quantity]:
    """Return P_max / |V_off·I_off| of each run, with the correlation of the three in its error.

    `zero_at` says which of the expansions at 0 V is a run's, −1 where 0 V was not swept.
    """
    found = []
    for k, maximum in enumerate(maxima.power):
        if crossings is None or crossings.nearest[k] < 0:
            found.append(Quantity(None, note="there is no V_off"))
        else:
            found.append(Quantity(None, note=maximum.note or "0 V is outside the swept range"))
    if crossings is None or zero is None or maxima.curve is None:
        return found
    runs = np.flatnonzero((crossings.nearest >= 0) & (zero_at >= 0) & (maxima.at >= 0))
    if len(runs) == 0:
        return found
    off, origin = crossings.take(crossings.nearest[runs]), zero.take(zero_at[runs])
    top = maxima.curve.take(maxima.at[runs])
    some = runs.tolist()
    power, v = (
        np.array([of[k].value for k in some], dtype=float) for of in (maxima.power, maxima.voltage)
    )
    i_off, slope = origin.c[:, 0], off.curve.c[:, 1]
    area = np.abs(off.voltage_V * i_off)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = -v / power, 1.0 / (off.voltage_V * slope), -1.0 / i_off
        factor = power / area
        parts = zip(shares, (top, off.curve, origin), strict=True)
        relative = joint_errors([(share, 0, part) for share, part in parts])
    for k, *numbers in zip(some, *(n.tolist() for n in (factor, relative, slope)), strict=True):
        found[k] = _fill_factor(*numbers)
    return found


def _fill_factor(factor: float, relative: float, slope: float) -> Quantity:
    if factor == 0.0 or not math.isfinite(factor):
        return Quantity(None, note=_NOTHING)
    if slope == 0.0:
        return Quantity(factor, None, "dI/dV is exactly zero where the current is")
    note = None if math.isfinite(relative) else "too few points for a standard error"
    return _known(factor, factor * relative, note)
