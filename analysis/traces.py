"""The rows of an I(V) run that enter its analysis: legs, directions, noise, outliers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nanojunction.analysis.outliers import find_outliers
from nanojunction.analysis.run import Run
from nanojunction.analysis.stencils import IntArray, noise_of, stencils_of
from nanojunction.analysis.values import Array


@dataclass(frozen=True, slots=True, eq=False)
class Traces:
    """Rows of a run, sorted by leg and, within a leg, by sensed voltage.

    `direction` is +1 in legs with rising voltage and −1 in legs with falling voltage. A `branch`
    is one passage of the range in one direction: a leg that lies on both sides of 0 V, or all legs
    of a direction that lie on one side. `row` counts the run's rows from 0. `noise_A` is the
    standard deviation of white noise in the current (that of the voltage included), found from
    differences between neighbours, or None where a leg has fewer than five points. Where the noise
    goes with current or slope, `noise_A` is that of a typical row and `relative_noise` is each
    row's over it; None where it is the same everywhere.
    """

    voltage_V: Array
    current_A: Array
    setpoint_V: Array | None
    leg: IntArray
    direction: IntArray
    branch: IntArray
    row: IntArray
    noise_A: float | None = None
    relative_noise: Array | None = None

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
            relative_noise=None if self.relative_noise is None else self.relative_noise[mask],
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
    good, noise, relative = find_outliers(traces.voltage_V, traces.current_A, traces.leg)
    traces = replace(traces, noise_A=noise, relative_noise=relative)
    if not good.all():
        warnings.append(named(traces.row[~good].tolist()))
        traces = traces.where(good)
    return traces, warnings


def named(outliers: Sequence[int]) -> str:
    """Return the warning that rows of a run, counted from 0, are outliers."""
    rows = ", ".join(str(row + 1) for row in sorted(outliers))
    return f"{_left_out(len(outliers), '')} as outliers (row {rows})"


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

    It is that of a typical row where the noise is not the same everywhere.
    """
    stencils = stencils_of(abscissa, traces.leg)
    deviation = stencils.deviations(traces.current_A)
    if traces.relative_noise is not None:
        deviation = deviation / traces.relative_noise[stencils.centre]
    return noise_of(np.abs(deviation)) if len(deviation) else None
