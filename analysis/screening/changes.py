"""Whether a junction is the same in two runs: its currents at the voltages that both have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.notation import in_words
from nanojunction.analysis.run import Run
from nanojunction.analysis.screening.thresholds import Thresholds
from nanojunction.analysis.values import Array

_NOISES = 8.0  # by which currents differ clearly: that of the protection while a run is measured
_SAME_VOLTAGE = 0.02  # of the range that two runs share
_FEWEST_COMMON = 3
_SAME_SHAPE = 0.1  # of the rms current: what a common factor may leave between two curves
_OFFSET_TELLS = 0.3  # of the rms current: what flows at V = 0, or the curve is a line through zero
_SAME_SETPOINT = 1e-3  # of the sweep's range


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the current: its rms as a share of the larger run's, and in words."""

    share: float
    reason: str


@dataclass(frozen=True, slots=True)
class _Trace:
    """Currents over voltages in rising order, and how much those at one voltage scatter."""

    voltage_V: Array
    current_A: Array
    scatter_A: float


def change_between(
    first: Run, other: Run, thresholds: Thresholds, *, share: float | None = None
) -> Change | None:
    """Return how the junction changed from one run to another, None where it did not, or not much.

    The mean current over all legs is compared in the range of voltage that both cover, rows in
    compliance left out. It changed if the rms difference is above `share` (`change_share` where it
    is None) of the larger rms current, eight times the noise and `open_below_A`, which is left to
    the line.
    """
    a, b = _trace(first), _trace(other)
    if a is None or b is None:
        return None
    at = _common(a, b)
    if len(at) < 2:
        return None
    low, high = float(at[0]), float(at[-1])
    was = np.interp(at, a.voltage_V, a.current_A)
    now = np.interp(at, b.voltage_V, b.current_A)
    difference_A, larger_A = _rms(now - was), max(_rms(was), _rms(now))
    noise_A = np.hypot(a.scatter_A, b.scatter_A)
    if difference_A <= max(_NOISES * noise_A, thresholds.open_below_A):
        return None
    apart = difference_A / larger_A
    if apart <= (thresholds.change_share if share is None else share):
        return None
    reason = (
        f"between {in_words(low, 'V')} and {in_words(high, 'V')} the current is another: "
        f"{in_words(_rms(was), 'A')} rms in {first.file.name}, {in_words(_rms(now), 'A')} rms in "
        f"{other.file.name}, apart by {apart:.0%}"
    )
    return Change(apart, reason)


def is_same(first: Run, other: Run, thresholds: Thresholds) -> bool:
    """Tell whether two runs have voltages in common, and at them the same current."""
    a, b = _trace(first), _trace(other)
    if a is None or b is None or len(_common(a, b)) < _FEWEST_COMMON:
        return False
    return change_between(first, other, thresholds) is None


def factor_between(first: Run, other: Run) -> float | None:
    """Return by which factor a curve with a current at V = 0 is another one; None where it is not.

    A junction that jumps between levels carries the same curve times a factor, its offset too. A
    breakdown leaves a resistor without one. Of a straight line through zero nothing is told.
    """
    a, b = _trace(first), _trace(other)
    if a is None or b is None or len(at := _common(a, b)) < _FEWEST_COMMON:
        return None
    if not any(one.voltage_V[0] <= 0.0 <= one.voltage_V[-1] for one in (a, b)):
        return None
    was = np.interp(at, a.voltage_V, a.current_A)
    now = np.interp(at, b.voltage_V, b.current_A)
    factor = float(was @ now) / float(was @ was)
    rest_A = _rms(now - factor * was)
    noise_A = _NOISES * float(np.hypot(a.scatter_A, b.scatter_A))
    if factor <= 0.0 or rest_A > max(_SAME_SHAPE * _rms(now), min(noise_A, 0.5 * _rms(now))):
        return None
    return factor if _has_offset(a, _rms(was)) and _has_offset(b, _rms(now)) else None


def has_offset(run: Run) -> bool:
    """Tell whether a good part of a run's current flows at V = 0."""
    trace = _trace(run)
    return trace is not None and _has_offset(trace, _rms(trace.current_A))


def _has_offset(trace: _Trace, size_A: float) -> bool:
    at_zero_A = float(np.interp(0.0, trace.voltage_V, trace.current_A))
    return abs(at_zero_A) >= _OFFSET_TELLS * size_A


def _common(a: _Trace, b: _Trace) -> Array:
    """Return voltages at which two runs can be compared: those that both have, if there are three.

    Else all in their common range: between points that are far apart a curve is no straight line.
    """
    low, high = max(a.voltage_V[0], b.voltage_V[0]), min(a.voltage_V[-1], b.voltage_V[-1])
    near_V = _SAME_VOLTAGE * (high - low)
    at = np.union1d(a.voltage_V, b.voltage_V)
    within: Array = at[(at >= low - near_V) & (at <= high + near_V)]
    of_a = a.voltage_V[(a.voltage_V >= low - near_V) & (a.voltage_V <= high + near_V)]
    apart_V = np.min(np.abs(of_a[:, None] - b.voltage_V[None, :]), axis=1, initial=np.inf)
    both: Array = of_a[apart_V <= near_V]
    return both if len(both) >= _FEWEST_COMMON else within


def scatter_within(run: Run, thresholds: Thresholds) -> Change | None:
    """Return how much the legs of a run disagree, None where they do not.

    Two levels between which a current jumps scatter by half of their distance, which is what
    `telegraph_share` limits.
    """
    trace = _trace(run)
    if trace is None:
        return None
    size_A = _rms(trace.current_A)
    apart_A = 2.0 * trace.scatter_A
    if apart_A <= max(thresholds.telegraph_share * size_A, thresholds.open_below_A):
        return None
    share = apart_A / size_A
    return Change(
        share,
        f"legs of {run.file.name} disagree: at one voltage the current is two values "
        f"{in_words(apart_A, 'A')} apart, {share:.0%} of its rms",
    )


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _trace(run: Run) -> _Trace | None:
    """Return the mean current at each setpoint; None where two of them are not left."""
    free = ~run.in_compliance & np.isfinite(run.current_A) & np.isfinite(run.voltage_V)
    swept = (run.voltage_V if run.setpoint_V is None else run.setpoint_V)[free]
    sensed, current = run.voltage_V[free], run.current_A[free]
    if len(swept) < 2 or float(np.ptp(swept)) == 0.0:
        return None
    step_V = _SAME_SETPOINT * float(np.ptp(swept))
    _, cell = np.unique(np.round(swept / step_V), return_inverse=True)
    count = np.bincount(cell)
    if len(count) < 2:
        return None
    mean_A = np.bincount(cell, current) / count
    mean_V = np.bincount(cell, sensed) / count
    again = int(np.sum(count - 1))
    square = float(np.sum((current - mean_A[cell]) ** 2))
    order = np.argsort(mean_V)
    return _Trace(mean_V[order], mean_A[order], (square / again) ** 0.5 if again else 0.0)
