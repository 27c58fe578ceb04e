"""The rows of an I(V) run that enter its analysis: legs, directions, noise, outliers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nanojunction.analysis.iv.outliers import Flags, find_outliers
from nanojunction.analysis.iv.stencils import IntArray, noises_of, stencils_of
from nanojunction.analysis.iv.uneven_noise import Course, courses_of
from nanojunction.analysis.run import Run
from nanojunction.analysis.together import in_groups
from nanojunction.analysis.values import Array

_DISTINCT = 1e-9  # of the swept range: voltages in their order are farther apart


@dataclass(frozen=True, slots=True, eq=False)
class Traces:
    """Rows of a run, sorted by leg and, within a leg, by sensed voltage.

    `direction` is +1 in legs with rising voltage and −1 in legs with falling voltage. `row` counts
    the run's rows from 0. `noise_A` is the standard deviation of white noise in the current (that
    of the voltage included), found from differences between neighbours, or None where a leg has
    fewer than five points. Where the noise goes with current or slope, `noise_A` is that of a
    typical row and `relative_noise` is each row's over it; None where it is the same everywhere.
    Runs whose rows lie alike share the arrays of setpoints, legs, directions and rows.
    """

    voltage_V: Array
    current_A: Array
    setpoint_V: Array | None
    leg: IntArray
    direction: IntArray
    row: IntArray
    noise_A: float | None = None
    relative_noise: Array | None = None
    course: Course | None = None

    def __len__(self) -> int:
        return len(self.current_A)

    def directions(self) -> list[int]:
        """Return the directions present: +1, −1 or both."""
        return [d for d in (1, -1) if bool((self.direction == d).any())]

    def where(self, mask: Flags) -> Traces:
        """Return the rows where `mask` is True."""
        return replace(
            self,
            voltage_V=self.voltage_V[mask],
            current_A=self.current_A[mask],
            setpoint_V=None if self.setpoint_V is None else self.setpoint_V[mask],
            leg=self.leg[mask],
            direction=self.direction[mask],
            row=self.row[mask],
            relative_noise=None if self.relative_noise is None else self.relative_noise[mask],
            course=None,
        )


def traces_of(run: Run) -> tuple[Traces, list[str]]:
    """Return the rows that enter fits, and warnings about those that do not.

    Left out are rows in compliance, rows without a number, and single rows far from what both
    neighbours on either side say (8 noise standard deviations).
    """
    return traces_of_all([run])[0]


def traces_of_all(runs: Sequence[Run]) -> list[tuple[Traces, list[str]]]:
    """Return what `traces_of` does for each run; those of equal legs and setpoints share them."""
    return in_groups(runs, _swept_alike, _traces_of_alike)


def _swept_alike(run: Run) -> Hashable:
    if run.setpoint_V is None:
        return id(run)
    return run.setpoint_V.tobytes(), run.leg.tobytes()


def _traces_of_alike(runs: Sequence[Run]) -> list[tuple[Traces, list[str]]]:
    """Return the traces of runs of the same setpoints (or of a single run) and legs."""
    voltage, current, limited = (
        np.array([getattr(run, name) for run in runs])
        for name in ("voltage_V", "current_A", "in_compliance")
    )
    finite = np.isfinite(voltage) & np.isfinite(current)
    kept = finite & ~limited
    first = runs[0]
    swept = first.setpoint_V if first.setpoint_V is not None else first.voltage_V
    direction = _directions(swept, first.leg)
    every = np.arange(len(first))
    usual = np.lexsort((every * direction, first.leg))
    same_leg = first.leg[usual][1:] == first.leg[usual][:-1]
    as_usual = kept.all(axis=1) & (len(first) > 0)
    ordered = np.take(voltage[as_usual], usual, axis=1)
    if len(ordered) > 0:
        steps = np.where(same_leg, np.diff(ordered, axis=1), np.inf)
        least = _DISTINCT * np.ptp(ordered, axis=1)
        as_usual[as_usual] = (steps > least[:, None]).all(axis=1)
    found: dict[int, tuple[Traces, Flags]] = {}
    groups = [(np.flatnonzero(as_usual), usual)]
    for k in np.flatnonzero(~as_usual).tolist():
        rows = every[kept[k]]
        order = rows[np.lexsort((voltage[k, rows], first.leg[rows]))]
        groups.append((np.array([k]), order))
    for members, order in groups:
        if len(members) > 0:
            stack = [np.take(values[members], order, axis=1) for values in (voltage, current)]
            traces = _sorted_traces(first, direction, order, *stack)
            found.update(zip(members.tolist(), traces, strict=True))
    whole = np.asarray(kept.all(axis=1)).tolist()
    missing = [[] if whole[k] else _missing(finite[k], limited[k]) for k in range(len(runs))]
    return [_without_outliers(*found[k], missing[k]) for k in range(len(runs))]


def _missing(finite: Flags, limited: Flags) -> list[str]:
    """Return warnings about rows of a run that do not count."""
    warnings: list[str] = []
    in_compliance = int(np.count_nonzero(limited & finite))
    if in_compliance:
        warnings.append(_left_out(in_compliance, " in compliance"))
    if not finite.all():
        warnings.append(_left_out(int(np.count_nonzero(~finite)), " without a number"))
    return warnings


def _sorted_traces(
    run: Run, direction: IntArray, order: IntArray, voltage: Array, current: Array
) -> list[tuple[Traces, Flags]]:
    """Return traces whose rows are in one order, outliers among them, and which are none."""
    leg, direction = run.leg[order], direction[order]
    setpoint = None if run.setpoint_V is None else run.setpoint_V[order]
    row = order.astype(np.int64)
    courses = courses_of(voltage, current)
    checked = find_outliers(voltage, current, leg, courses)
    return [
        (
            Traces(
                voltage_V=voltage[k],
                current_A=current[k],
                setpoint_V=setpoint,
                leg=leg,
                direction=direction,
                row=row,
                noise_A=noise,
                relative_noise=relative,
                course=courses[k],
            ),
            good,
        )
        for k, (good, noise, relative) in enumerate(checked)
    ]


def _without_outliers(traces: Traces, good: Flags, warnings: list[str]) -> tuple[Traces, list[str]]:
    if good.all():
        return traces, warnings
    return traces.where(good), [*warnings, named(traces.row[~good].tolist())]


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


def gradient_of_legs(traces: Traces, values: Array) -> Array:
    """Return the derivative of a column of the rows by the sensed voltage, leg by leg.

    Central differences of second order (Fornberg, Math. Comp. 51, 699 (1988)), one-sided at the
    ends of a leg; rows of one voltage share the first one's, a leg at one voltage has 0.
    """
    return np.asarray(gradients_of_legs(Stack.of([traces]), values[None, :])[0])


def gradients_of_legs(stack: Stack, values: Array) -> Array:
    """Return what `gradient_of_legs` does for a column of many runs, (runs, rows)."""
    starts = np.append(True, stack.leg[1:] != stack.leg[:-1])
    found = np.empty(values.shape)
    risen = np.diff(stack.voltage_V, axis=1) > 0
    plain = (risen | starts[1:]).all(axis=1)
    if plain.any():
        found[plain] = _gradients(stack.voltage_V[plain], values[plain], starts)
    for k in np.flatnonzero(~plain).tolist():
        distinct = starts | np.append(True, risen[k])
        v, y = stack.voltage_V[k : k + 1, distinct], values[k : k + 1, distinct]
        found[k] = _gradients(v, y, starts[distinct])[0, np.cumsum(distinct) - 1]
    return found


def _gradients(v: Array, y: Array, first: Flags) -> Array:
    """Return the derivatives of rows of y by v; `first` are the rows at which a leg begins."""
    last = np.append(first[1:], True)
    nothing = np.zeros((len(v), 1))
    steps = np.diff(v, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        chord = np.diff(y, axis=1) / steps
        before, after = np.hstack([nothing, chord]), np.hstack([chord, nothing])
        low, high = np.hstack([nothing, steps]), np.hstack([steps, nothing])
        slope = (before * high + after * low) / (low + high)
    slope = np.where(first, after, np.where(last, before, slope))
    slope[:, first & last] = 0.0
    return np.asarray(slope)


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Traces of runs whose rows lie alike, (runs, rows); what they share is there once."""

    voltage_V: Array
    current_A: Array
    noise_A: Array  # of each run, NaN where it is unknown
    relative_noise: Array | None
    setpoint_V: Array | None
    leg: IntArray
    direction: IntArray

    @classmethod
    def of(cls, traces: Sequence[Traces]) -> Stack:
        """Return the stack of traces that are `alike`."""
        first = traces[0]
        relative = [one.relative_noise for one in traces if one.relative_noise is not None]
        return cls(
            voltage_V=np.array([one.voltage_V for one in traces]),
            current_A=np.array([one.current_A for one in traces]),
            noise_A=np.array([np.nan if one.noise_A is None else one.noise_A for one in traces]),
            relative_noise=np.array(relative) if relative else None,
            setpoint_V=first.setpoint_V,
            leg=first.leg,
            direction=first.direction,
        )

    def directions(self) -> list[int]:
        """Return the directions present: +1, −1 or both."""
        return [d for d in (1, -1) if bool((self.direction == d).any())]


def alike(traces: Traces) -> Hashable:
    """Return what traces have in common that are worked on together."""
    swept = traces.voltage_V if traces.setpoint_V is None else traces.setpoint_V
    shared = swept, traces.leg, traces.direction
    return (*map(id, shared), traces.relative_noise is None)


def noises_against(stack: Stack, abscissa: Array) -> Array:
    """Return the standard deviations of white noise in the currents as functions of `abscissa`.

    They are those of typical rows where the noise is not the same everywhere, NaN if unknown.
    """
    stencils = stencils_of(abscissa, stack.leg)
    if len(stencils.centre) == 0:
        return np.full(len(stack.current_A), np.nan)
    deviation = stencils.deviations(stack.current_A)
    if stack.relative_noise is not None:
        deviation = deviation / np.take(stack.relative_noise, stencils.centre, axis=1)
    return noises_of(np.abs(deviation))
