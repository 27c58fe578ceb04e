"""Where the currents of I(V) cross zero, of many runs at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from nanojunction.analysis.iv.expansion import Curves, Expansions, exchanged
from nanojunction.analysis.iv.stencils import IntArray
from nanojunction.analysis.iv.traces import Traces
from nanojunction.analysis.values import Array, Quantity

SIGNIFICANT = 4.0
"""Standard errors by which a current that is not zero differs from it."""

_BLOCKS = 100
_STEPS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Means of I(V) over neighbouring rows of all legs, with standard errors, (runs, blocks)."""

    voltage_V: Array
    current_A: Array
    stderr_A: Array


def blocks_of(many: Sequence[Traces]) -> Blocks:
    """Return means over up to a hundred groups of rows with about the same voltage.

    The runs have equally many rows.
    """
    voltage = np.array([traces.voltage_V for traces in many])
    current = np.array([traces.current_A for traces in many])
    rows = voltage.shape[1]
    order = np.argsort(voltage, axis=1, kind="stable")
    size = max(1, rows // _BLOCKS)
    starts = np.arange(0, rows - size + 1, size)
    counts = np.diff(np.append(starts, rows))

    def means(values: Array) -> Array:
        ordered = np.take_along_axis(values, order, axis=1)
        return np.asarray(np.add.reduceat(ordered, starts, axis=1) / counts)

    noise = np.array([traces.noise_A or 0.0 for traces in many])[:, None] / np.sqrt(counts)
    noises = [traces.relative_noise for traces in many]
    if any(one is not None for one in noises):
        relative = np.array([np.ones(rows) if one is None else one for one in noises])
        noise = noise * np.sqrt(means(relative**2))
    return Blocks(means(voltage), means(current), noise)


@dataclass(frozen=True, slots=True, eq=False)
class Crossings:
    """Voltages at which I = 0, and the I(V) around them: those of each run, by voltage.

    `run` says whose each is, `nearest` (runs,) which is nearest 0 V in each run, −1 without any.
    """

    run: IntArray
    voltage_V: Array
    stderr_V: Array
    curve: Expansions
    nearest: IntArray

    def take(self, index: IntArray) -> Self:
        """Return some of the crossings; what is nearest is not told any more."""
        of_each = self.run[index], self.voltage_V[index], self.stderr_V[index]
        return type(self)(*of_each, self.curve.take(index), np.empty(0, dtype=np.int64))


def find_crossings(blocks: Blocks, curves: Curves, low_V: Array, high_V: Array) -> Crossings | None:
    """Return the zeros of I(V) that stand out from the noise, None where no run has one.

    A crossing lies between two stretches of opposite sign in which the current differs from zero
    by four standard errors. `low_V` and `high_V` are the ends of the swept range of each run.
    """
    run, a, b = _changes_of_sign(blocks)
    voltage, current = blocks.voltage_V, blocks.current_A
    ends_V, ends_A = ([of[run, at] for at in (a, b)] for of in (voltage, current))
    crosses = np.zeros(len(curves), dtype=bool)
    crosses[run] = True
    without = np.flatnonzero(~crosses)
    if len(without) > 0:
        more, more_V, more_A = _between_ends(curves, without, low_V, high_V)
        run = np.append(run, more)
        ends_V, ends_A = (
            [np.append(old, new) for old, new in zip(*pair, strict=True)]
            for pair in ((ends_V, more_V), (ends_A, more_A))
        )
    if len(run) == 0:
        return None
    start = ends_V[0] - ends_A[0] * (ends_V[1] - ends_V[0]) / (ends_A[1] - ends_A[0])
    v, stderr, curve = _refined(curves, run, start, *ends_V)
    nearest = np.full(len(curves), -1)
    first = np.lexsort((np.abs(v), run))
    at = first[np.append(True, np.diff(run[first]) > 0)]
    nearest[run[at]] = at
    return Crossings(run, v, stderr, curve, nearest)


def _changes_of_sign(blocks: Blocks) -> tuple[IntArray, IntArray, IntArray]:
    """Return runs, and the blocks before and after which the sign of a clear current changes."""
    clear = np.abs(blocks.current_A) > SIGNIFICANT * blocks.stderr_A
    sign = np.sign(blocks.current_A)
    numbers = np.arange(clear.shape[1])
    before = np.maximum.accumulate(np.where(clear, numbers, -1), axis=1)[:, :-1]
    changes = clear[:, 1:] & (before >= 0)
    changes &= sign[:, 1:] != np.take_along_axis(sign, before, axis=1)
    run, after = np.nonzero(changes)
    return run, before[run, after], after + 1


def _between_ends(
    curves: Curves, runs: IntArray, low_V: Array, high_V: Array
) -> tuple[IntArray, list[Array], list[Array]]:
    """Return which runs have currents of opposite sign at the ends of their range, and the ends."""
    voltages = [low_V[runs], high_V[runs]]
    ends = [curves.at(runs, at_V, 0) for at_V in voltages]
    currents = [end.c[:, 0] for end in ends]
    crosses = currents[0] * currents[1] < 0.0
    for end in ends:
        crosses &= np.abs(end.c[:, 0]) > SIGNIFICANT * end.value_errors()
    return runs[crosses], [v[crosses] for v in voltages], [i[crosses] for i in currents]


def _refined(
    curves: Curves, run: IntArray, start: Array, low: Array, high: Array
) -> tuple[Array, Array, Expansions]:
    """Return the zeros of the local curves near `start`, their errors, and the curves there."""
    v, margin = start, high - low
    active = np.arange(len(v))
    curve = here = curves.at(run, v, 0)
    for step in range(_STEPS):
        if step > 0:
            here = curves.at(run[active], v[active], 0)
            curve = curve.put(active, here)
        c0, c1, c2 = here.c.T
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = -c0 / c1
            newton -= c2 * newton**2 / c1
            error = here.value_errors() / np.abs(c1)
        beyond = margin[active]
        new = v[active] + np.where(c1 != 0.0, newton, 0.0)
        new = np.minimum(np.maximum(new, low[active] - beyond), high[active] + beyond)
        moved, v = np.abs(new - v[active]), exchanged(v, active, new)
        active = active[~((moved <= 0.02 * error) | (moved <= 1e-12 * beyond))]
        if len(active) == 0:
            break
    slope = curve.c[:, 1] + 2.0 * curve.c[:, 2] * (v - curve.at_V)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = curve.value_errors() / np.abs(slope)
    return v, np.where(slope != 0.0, error, np.inf), curve


def v_offs(crossings: Crossings | None, blocks: Blocks) -> list[Quantity]:
    """Return the crossing nearest 0 V of each run, with all of them in `crossings_V`."""
    is_clear = np.abs(blocks.current_A) > SIGNIFICANT * blocks.stderr_A
    clear: list[bool] = np.asarray(is_clear.any(axis=1)).tolist()
    if crossings is None:
        return [_no_crossing(somewhere) for somewhere in clear]
    voltages: list[list[float]] = [[] for _ in clear]
    known, errors = crossings.voltage_V.tolist(), crossings.stderr_V.tolist()
    for run, voltage_V in zip(crossings.run.tolist(), known, strict=True):
        voltages[run].append(voltage_V)
    return [
        _no_crossing(somewhere) if at < 0 else _v_off(known[at], errors[at], every)
        for at, somewhere, every in zip(crossings.nearest.tolist(), clear, voltages, strict=True)
    ]


def _no_crossing(is_clear_somewhere: bool) -> Quantity:
    reason = (
        "the current does not cross zero inside the swept range"
        if is_clear_somewhere
        else "the current is zero within its error everywhere"
    )
    return Quantity(None, note=reason)


def _v_off(voltage_V: float, stderr_V: float, crossings_V: list[float]) -> Quantity:
    note = None
    if len(crossings_V) > 1:
        times = len(crossings_V)
        note = f"the current crosses zero {times} times; this is the crossing nearest 0 V"
    extra = {"crossings_V": crossings_V}
    if not math.isfinite(stderr_V):
        return Quantity(voltage_V, None, "too few points for a standard error", extra=extra)
    return Quantity(voltage_V, stderr_V, note, extra=extra)
