"""Whether the offsets of a junction are the same in every leg of every run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nanojunction.analysis.notation import in_words
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.thresholds import Thresholds
from nanojunction.analysis.values import Array


def why_not_repeated(results: Sequence[RunResult], thresholds: Thresholds) -> str | None:
    """Return why the offsets of several I(V) do not repeat, None where they do.

    I at V = 0 is taken from every leg of all runs, V at I = 0 from the legs of each: it lies
    between points, which are others in other runs. They repeat where all have one sign, and the
    smallest is at least `repeat_share` of the largest. What is smaller than `open_below_A` is left
    to the line.
    """
    found = [_of_run(one.run) for one in results]
    every = [i for i_off, _ in found for i in i_off]
    why_not = _scattered("I_off", "A", every, thresholds.open_below_A, thresholds.repeat_share)
    for _, v_off in found:
        why_not = why_not or _scattered("V_off", "V", v_off, 0.0, thresholds.repeat_share)
    return why_not


def _scattered(
    name: str, unit: str, values: Sequence[float], least: float, share: float
) -> str | None:
    if len(values) < 2 or max(map(abs, values)) <= least:
        return None
    low, high = min(values), max(values)
    ends = f"it runs from {in_words(low, unit)} to {in_words(high, unit)} over {len(values)} legs"
    if low < -least and high > least:
        return f"{name} changes its sign: {ends}"
    sizes = sorted(map(abs, values))
    if sizes[0] < share * sizes[-1]:
        return f"{name} does not repeat within {share:.0%}: {ends}"
    return None


def _of_run(run: Run) -> tuple[list[float], list[float]]:
    """Return I at V = 0 and V at I = 0 of each leg, by a straight line between its points."""
    i_off: list[float] = []
    v_off: list[float] = []
    free = ~run.in_compliance
    for leg in np.unique(run.leg).tolist():
        rows = free & (run.leg == leg)
        v, i = run.voltage_V[rows], run.current_A[rows]
        if len(v) < 2:
            continue
        i_off += _crossings(v, i)
        v_off += _crossings(i, v)[:1]
    return i_off, v_off


def _crossings(x: Array, y: Array) -> list[float]:
    """Return y where x changes its sign, for each time that it does."""
    sign = np.signbit(x)
    at = np.flatnonzero(sign[1:] != sign[:-1])
    share = x[at] / (x[at] - x[at + 1])
    return [float(value) for value in y[at] + share * (y[at + 1] - y[at])]
