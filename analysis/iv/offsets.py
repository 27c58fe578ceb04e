"""Where the current of an I(V) crosses zero, and the power that the junction delivers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.iv.expansion import CurveModel, Expansion, joint_error
from nanojunction.analysis.iv.traces import Traces
from nanojunction.analysis.values import Array, Quantity

_SIGNIFICANT = 4.0
_BLOCKS = 100
_GENERATES = 2.5  # standard errors of V_off: a resistor exceeds them in 1 % of runs


@dataclass(frozen=True, slots=True, eq=False)
class Crossing:
    """A voltage at which I = 0, and the I(V) around it."""

    voltage_V: float
    stderr_V: float
    curve: Expansion


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Means of I(V) over neighbouring rows of all legs, with standard errors."""

    voltage_V: Array
    current_A: Array
    stderr_A: Array


def blocks_of(traces: Traces) -> Blocks:
    """Return means over up to a hundred groups of rows with about the same voltage."""
    order = np.argsort(traces.voltage_V, kind="stable")
    size = max(1, len(order) // _BLOCKS)
    starts = np.arange(0, len(order) - size + 1, size)
    counts = np.diff(np.append(starts, len(order)))
    voltage = np.add.reduceat(traces.voltage_V[order], starts) / counts
    current = np.add.reduceat(traces.current_A[order], starts) / counts
    noise = (traces.noise_A or 0.0) / np.sqrt(counts)
    if traces.relative_noise is not None:
        variance = np.add.reduceat(traces.relative_noise[order] ** 2, starts) / counts
        noise = noise * np.sqrt(variance)
    return Blocks(voltage, current, noise)


def find_crossings(traces: Traces, blocks: Blocks, model: CurveModel) -> list[Crossing]:
    """Return the zeros of I(V) that stand out from the noise, by voltage.

    A crossing lies between two stretches of opposite sign in which the current differs from zero
    by four standard errors.
    """
    clear = np.flatnonzero(np.abs(blocks.current_A) > _SIGNIFICANT * blocks.stderr_A)
    signs = np.sign(blocks.current_A[clear])
    found: list[Crossing] = []
    for k in np.flatnonzero(signs[1:] != signs[:-1]).tolist():
        a, b = int(clear[k]), int(clear[k + 1])
        va, vb = float(blocks.voltage_V[a]), float(blocks.voltage_V[b])
        ia, ib = float(blocks.current_A[a]), float(blocks.current_A[b])
        found.append(_refine(model, va - ia * (vb - va) / (ib - ia), va, vb))
    if not found:
        low, high = float(traces.voltage_V.min()), float(traces.voltage_V.max())
        ends = [model.at(low, 0), model.at(high, 0)]
        if ends[0].c[0] * ends[1].c[0] < 0 and all(
            abs(e.c[0]) > _SIGNIFICANT * e.error((1, 0, 0)) for e in ends
        ):
            i0, i1 = float(ends[0].c[0]), float(ends[1].c[0])
            found.append(_refine(model, low - i0 * (high - low) / (i1 - i0), low, high))
    return found


def _refine(model: CurveModel, start: float, low: float, high: float) -> Crossing:
    """Return the zero of the local curve near `start`."""
    v = start
    margin = high - low
    curve = model.at(v, 0)
    for _ in range(5):
        c0, c1, c2 = curve.c.tolist()
        step = -c0 / c1 if c1 else 0.0
        step -= c2 * step**2 / c1 if c1 else 0.0
        new = min(max(v + step, low - margin), high + margin)
        error = curve.error((1, 0, 0)) / abs(c1) if c1 else np.inf
        moved = abs(new - v)
        v = new
        if moved <= 0.02 * error or moved <= 1e-12 * margin:
            break
        curve = model.at(v, 0)
    slope = float(curve.c[1] + 2.0 * curve.c[2] * (v - curve.at_V))
    error = curve.error((1, 0, 0)) / abs(slope) if slope else np.inf
    return Crossing(v, error, curve)


def v_off(crossings: list[Crossing], blocks: Blocks) -> Quantity:
    """Return the crossing nearest 0 V, with all of them in `crossings_V`."""
    if not crossings:
        clear = np.abs(blocks.current_A) > _SIGNIFICANT * blocks.stderr_A
        reason = (
            "the current does not cross zero inside the swept range"
            if clear.any()
            else "the current is zero within its error everywhere"
        )
        return Quantity(None, note=reason)
    nearest = min(crossings, key=lambda c: abs(c.voltage_V))
    note = None
    if len(crossings) > 1:
        note = f"the current crosses zero {len(crossings)} times; this is the crossing nearest 0 V"
    stderr = nearest.stderr_V if np.isfinite(nearest.stderr_V) else None
    if stderr is None:
        note = "too few points for a standard error"
    return Quantity(
        nearest.voltage_V,
        stderr,
        note,
        extra={"crossings_V": [c.voltage_V for c in crossings]},
    )


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """The maximum of P(V) = −V·I(V), with the I(V) around it; None for what there is not."""

    power: Quantity
    voltage: Quantity
    curve: Expansion | None = None


def find_maximum(
    traces: Traces, blocks: Blocks, model: CurveModel, crossing: Crossing | None
) -> Maximum:
    """Return the maximum of P(V) = −V·I between 0 and the crossing, or over the whole range."""
    end = None if crossing is None else crossing.voltage_V
    nothing = Maximum(
        Quantity(0.0, note="nothing is generated: V·I is not negative anywhere"),
        Quantity(None, note="nothing is generated"),
    )
    if crossing is not None and abs(crossing.voltage_V) <= _GENERATES * crossing.stderr_V:
        return nothing
    v = blocks.voltage_V
    power = -v * blocks.current_A
    inside = np.ones(len(v), dtype=bool) if end is None else (v * end > 0) & (abs(v) < abs(end))
    if end is None:
        clear = power > _SIGNIFICANT * np.abs(v) * blocks.stderr_A
        if not (clear & inside).any():
            return nothing
        smooth = np.convolve(np.pad(power, 1, mode="edge"), np.ones(3) / 3, mode="valid")
        top = int(np.argmax(smooth))
        if top <= 1 or top >= len(v) - 2:
            reason = "P rises to the end of the swept range"
            return Maximum(Quantity(None, note=reason), Quantity(None, note=reason))
        start = float(v[top])
    elif np.count_nonzero(inside) < 7:
        start = 0.5 * end
    else:
        cells = np.flatnonzero(inside)
        smooth = np.convolve(power[cells], np.ones(5) / 5, mode="same")
        start = float(v[cells[int(np.argmax(smooth))]])
    low, high = (float(v.min()), float(v.max())) if end is None else (min(0.0, end), max(0.0, end))
    maximum = _climb(model, start, low, high, end is None)
    if end is None or (maximum.power.value or 0.0) > 0.0:
        return maximum
    reason = "nothing is generated between 0 V and V_off"
    most = int(np.argmax(power))
    if power[most] > _SIGNIFICANT * abs(v[most]) * blocks.stderr_A[most]:
        reason += f", but beyond: V·I is negative at {v[most]:.4g} V"
    return Maximum(Quantity(0.0, note=reason), Quantity(None, note=reason))


def _climb(model: CurveModel, start: float, low: float, high: float, no_crossing: bool) -> Maximum:
    """Return the maximum of −V·I(V) of the local curve near `start`."""
    v = start
    for _ in range(8):
        curve = model.at(v, 0)
        slope = float(curve.c[0] + v * curve.c[1])
        bend = float(2.0 * curve.c[1] + 2.0 * v * curve.c[2])
        if bend <= 0:
            break
        error = joint_error([(1.0, 0, curve), (v, 1, curve)]) / bend
        new = min(max(v - slope / bend, low), high)
        moved, v = abs(new - v), new
        if moved <= 0.1 * error or moved <= 1e-9 * (high - low):
            break
    x = v - curve.at_V
    current = float(curve.c[0] + curve.c[1] * x + curve.c[2] * x * x)
    note = "I does not cross zero in the swept range" if no_crossing else None
    stderr = abs(v) * curve.error((1, x, x * x))
    width = joint_error([(1.0, 0, curve), (v, 1, curve)]) / bend if bend > 0 else np.nan
    if not np.isfinite(stderr):
        note = "too few points for a standard error"
    return Maximum(_known(-v * current, stderr, note), _known(v, width, note), curve)


def _known(value: float, stderr: float, note: str | None) -> Quantity:
    return Quantity(value, stderr if np.isfinite(stderr) else None, note)


def fill_factor(maximum: Maximum, crossing: Crossing | None, zero: Expansion | None) -> Quantity:
    """Return P_max / |V_off·I_off|, with the correlation of the three in its error."""
    power = maximum.power.value
    if crossing is None:
        return Quantity(None, note="there is no V_off")
    if maximum.curve is None or power is None or zero is None:
        return Quantity(None, note=maximum.power.note or "0 V is outside the swept range")
    i_off = float(zero.c[0])
    v = float(maximum.voltage.value or 0.0)
    area, slope = abs(crossing.voltage_V * i_off), float(crossing.curve.c[1])
    if power == 0.0 or area == 0.0:
        return Quantity(None, note="nothing is generated")
    if slope == 0.0:
        return Quantity(power / area, None, "dI/dV is exactly zero where the current is")
    relative = joint_error(
        [
            (-v / power, 0, maximum.curve),
            (1.0 / (crossing.voltage_V * slope), 0, crossing.curve),
            (-1.0 / i_off, 0, zero),
        ]
    )
    note = None if np.isfinite(relative) else "too few points for a standard error"
    return _known(power / area, power / area * relative, note)
