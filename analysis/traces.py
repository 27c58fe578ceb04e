"""The rows of an I(V) run that enter its analysis: legs, directions, noise, outliers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from nanojunction.analysis.run import Run
from nanojunction.analysis.values import Array

IntArray = np.ndarray[tuple[int], np.dtype[np.int64]]

KEPT_ROWS = 4096
"""What follows from setpoints alone is remembered for runs of so many rows at most."""

_STENCIL = 5
_OUTLIER = 8.0  # noise standard deviations


@dataclass(frozen=True, slots=True, eq=False)
class Traces:
    """Rows of a run, sorted by leg and, within a leg, by sensed voltage.

    `direction` is +1 in legs with rising voltage and −1 in legs with falling voltage. A `branch`
    is one passage of the range in one direction: a leg that lies on both sides of 0 V, or all legs
    of a direction that lie on one side. `row` counts the run's rows from 0. `noise_A` is the
    standard deviation of white noise in the current (that of the voltage included), found from
    differences between neighbours, or None where a leg has fewer than five points.
    """

    voltage_V: Array
    current_A: Array
    setpoint_V: Array | None
    leg: IntArray
    direction: IntArray
    branch: IntArray
    row: IntArray
    noise_A: float | None = None

    def __len__(self) -> int:
        return len(self.current_A)

    def directions(self) -> list[int]:
        """Return the directions present: +1, −1 or both."""
        return [d for d in (1, -1) if bool((self.direction == d).any())]

    def where(self, mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Traces:
        """Return the rows where `mask` is True."""
        return replace(
            self,
            voltage_V=self.voltage_V[mask],
            current_A=self.current_A[mask],
            setpoint_V=None if self.setpoint_V is None else self.setpoint_V[mask],
            leg=self.leg[mask],
            direction=self.direction[mask],
            branch=self.branch[mask],
            row=self.row[mask],
        )


def traces_of(run: Run) -> tuple[Traces, list[str]]:
    """Return the rows that enter fits, and warnings about those that do not.

    Left out are rows in compliance, rows without a number, and single rows far from what both
    neighbours on either side say (8 noise standard deviations).
    """
    warnings: list[str] = []
    finite = np.isfinite(run.voltage_V) & np.isfinite(run.current_A)
    limited = int(np.count_nonzero(run.in_compliance & finite))
    if limited:
        warnings.append(_left_out(limited, " in compliance"))
    if not finite.all():
        warnings.append(_left_out(int(np.count_nonzero(~finite)), " without a number"))
    kept = np.flatnonzero(finite & ~run.in_compliance)
    swept = run.setpoint_V if run.setpoint_V is not None else run.voltage_V
    direction = _directions(swept, run.leg)[kept]
    order = np.lexsort((run.voltage_V[kept], run.leg[kept]))
    kept = kept[order]
    traces = Traces(
        voltage_V=run.voltage_V[kept],
        current_A=run.current_A[kept],
        setpoint_V=None if run.setpoint_V is None else run.setpoint_V[kept],
        leg=run.leg[kept],
        direction=direction[order],
        branch=_branches(run.voltage_V[kept], run.leg[kept], direction[order]),
        row=kept.astype(np.int64),
    )
    good, noise = _without_outliers(traces)
    if not good.all():
        rows = ", ".join(str(n + 1) for n in sorted(traces.row[~good].tolist()))
        left_out = _left_out(int(np.count_nonzero(~good)), "")
        warnings.append(f"{left_out} as outliers (row {rows})")
        traces = traces.where(good)
    return replace(traces, noise_A=noise), warnings


def _left_out(number: int, which: str) -> str:
    return f"1 row{which} is left out" if number == 1 else f"{number} rows{which} are left out"


def _directions(swept: Array, leg: IntArray) -> IntArray:
    """Return +1 or −1 for each row, by where its leg ends with respect to its beginning."""
    direction = np.ones(len(leg), dtype=np.int64)
    if len(leg) == 0:
        return direction
    starts = np.flatnonzero(np.diff(leg, prepend=leg[0] - 1))
    ends = np.append(starts[1:], len(leg)) - 1
    # A leg starts from the turning point that ended the leg before it.
    before = np.where(starts > 0, starts - 1, 0)
    change = swept[ends] - swept[before]
    signs = np.where(np.nan_to_num(change) < 0, -1, 1)
    return np.repeat(signs, ends - starts + 1).astype(np.int64)


def _branches(voltage: Array, leg: IntArray, direction: IntArray) -> IntArray:
    """Return the branch of each row: legs on both sides of 0 V alone, one-sided legs together."""
    branch = np.empty(len(leg), dtype=np.int64)
    if len(leg) == 0:
        return branch
    starts = np.flatnonzero(np.diff(leg, prepend=leg[0] - 1))
    ends = np.append(starts[1:], len(leg))
    margin = 0.1 * float(np.max(np.abs(voltage)))
    count = 2
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if voltage[start] < -margin and voltage[end - 1] > margin:
            branch[start:end] = count
            count += 1
        else:
            branch[start:end] = 0 if direction[start] > 0 else 1
    return branch


def gradient_of_legs(traces: Traces, values: Array) -> Array:
    """Return the derivative of a column of the rows by the sensed voltage, leg by leg.

    Central differences of second order (Fornberg, Math. Comp. 51, 699 (1988)), one-sided at the
    ends of a leg; rows of one voltage share the first one's, a leg at one voltage has 0.
    """
    starts = np.append(True, traces.leg[1:] != traces.leg[:-1])
    distinct = starts | np.append(True, np.diff(traces.voltage_V) > 0)
    v, y, first = traces.voltage_V[distinct], values[distinct], starts[distinct]
    last = np.append(first[1:], True)
    with np.errstate(divide="ignore", invalid="ignore"):
        chord = np.diff(y) / np.diff(v)
        before, after = np.append(0.0, chord), np.append(chord, 0.0)
        low, high = np.append(0.0, np.diff(v)), np.append(np.diff(v), 0.0)
        slope = (before * high + after * low) / (low + high)
    slope = np.where(first, after, np.where(last, before, slope))
    slope[first & last] = 0.0
    return np.asarray(slope[np.cumsum(distinct) - 1])


def noise_against(traces: Traces, abscissa: Array) -> float | None:
    """Return the standard deviation of white noise in the current as a function of `abscissa`.

    Runs of one campaign share their setpoints: what depends on these alone is kept.
    """
    stencils = _stencils_of(abscissa, traces.leg)
    deviation = stencils.deviations(traces.current_A)
    return _noise_of(np.abs(deviation)) if len(deviation) else None


def _noise_of(size: Array) -> float:
    """Return the standard deviation of normal noise from the median of its size."""
    middle = len(size) // 2
    if len(size) % 2:
        median = float(np.partition(size, middle)[middle])
    else:
        median = 0.5 * float(
            np.partition(size, (middle - 1, middle))[middle - 1 : middle + 1].sum()
        )
    return 1.4826 * median


def _without_outliers(
    traces: Traces,
) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], float | None]:
    """Return which rows are no outliers, and the noise of the current."""
    good = np.ones(len(traces), dtype=bool)
    for _ in range(1 + len(traces) // 20):
        rows = np.flatnonzero(good)
        deviation, centre = _deviations(traces, rows)
        if len(deviation) == 0:
            return good, None
        size = np.abs(deviation)
        noise = _noise_of(size)
        floor = max(_OUTLIER * noise, 1e-7 * float(np.ptp(traces.current_A[rows])))
        suspects = np.flatnonzero(size > floor)
        if len(suspects) == 0:
            return good, noise
        worst = suspects[np.argmax(size[suspects])]
        trial = good.copy()
        trial[rows[centre[worst]]] = False
        # Without a lone outlier its neighbours agree; at a step or a sharp peak they do not.
        again, at = _deviations(traces, np.flatnonzero(trial))
        near = np.abs(at - centre[worst]) <= _STENCIL
        if (np.abs(again[near]) > floor / 2).any():
            return good, noise
        good = trial
    return good, noise


def _deviations(traces: Traces, rows: IntArray) -> tuple[Array, IntArray]:
    """Return normalised divided differences over five neighbours of a leg, and their centres.

    They vanish on any cubic and have the noise's standard deviation otherwise (uniform in `rows`,
    whose indices the centres count).
    """
    if len(rows) == len(traces):
        stencils = _Stencils.of(traces.voltage_V, traces.leg)
        return stencils.deviations(traces.current_A), stencils.centre
    stencils = _Stencils.of(traces.voltage_V[rows], traces.leg[rows])
    return stencils.deviations(traces.current_A[rows]), stencils.centre


@dataclass(frozen=True, slots=True, eq=False)
class _Stencils:
    """Weights of divided differences over five neighbours, (5, stencils), and their centres."""

    weights: Array
    centre: IntArray

    @classmethod
    def of(cls, abscissa: Array, leg: IntArray) -> _Stencils:
        """Return the stencils that lie in one leg and hold five different abscissae."""
        windows = len(leg) - _STENCIL + 1
        if windows < 1:
            return cls(np.empty((_STENCIL, 0)), np.empty(0, dtype=np.int64))
        abscissa = _apart(abscissa)
        v = [abscissa[k : k + windows] for k in range(_STENCIL)]
        high = np.maximum(np.maximum(np.maximum(v[0], v[1]), np.maximum(v[2], v[3])), v[4])
        low = np.minimum(np.minimum(np.minimum(v[0], v[1]), np.minimum(v[2], v[3])), v[4])
        weights = np.ones((_STENCIL, windows))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            per_span = 1.0 / (high - low)
            for a in range(_STENCIL):
                for b in range(a + 1, _STENCIL):
                    gap = (v[a] - v[b]) * per_span
                    weights[a] *= gap
                    weights[b] *= -gap
            weights = 1.0 / weights
            weights /= np.sqrt(np.einsum("ij,ij->j", weights, weights))
        usable = (leg[_STENCIL - 1 :] == leg[:windows]) & np.isfinite(weights).all(axis=0)
        centre = np.flatnonzero(usable) + _STENCIL // 2
        return cls(weights if usable.all() else weights[:, usable], centre)

    def deviations(self, current: Array) -> Array:
        """Return the divided differences of currents."""
        middle = current[self.centre]
        total = np.zeros(len(middle))
        for k, weights in enumerate(self.weights):
            if k != _STENCIL // 2:
                total += weights * (current[self.centre + (k - _STENCIL // 2)] - middle)
        return total


def _apart(abscissa: Array) -> Array:
    """Return an abscissa whose repeated values lie a little apart.

    Readings repeated at one voltage are then compared among themselves, as they should be.
    """
    if np.diff(abscissa).all():
        return abscissa
    return abscissa + 1e-9 * float(np.ptp(abscissa)) / len(abscissa) * np.arange(len(abscissa))


def _stencils_of(abscissa: Array, leg: IntArray) -> _Stencils:
    if len(leg) > KEPT_ROWS:
        return _Stencils.of(abscissa, leg)
    return _kept_stencils(abscissa.tobytes(), leg.tobytes())


@lru_cache(maxsize=32)
def _kept_stencils(abscissa: bytes, leg: bytes) -> _Stencils:
    return _Stencils.of(np.frombuffer(abscissa), np.frombuffer(leg, dtype=np.int64))
