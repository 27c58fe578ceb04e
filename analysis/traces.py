"""The rows of an I(V) run that enter its analysis: legs, directions, noise, outliers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nanojunction.analysis.run import Run
from nanojunction.analysis.values import Array

IntArray = np.ndarray[tuple[int], np.dtype[np.int64]]

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


def noise_against(traces: Traces, abscissa: Array) -> float | None:
    """Return the standard deviation of white noise in the current as a function of `abscissa`."""
    deviation, _ = _deviations(replace(traces, voltage_V=abscissa), np.arange(len(traces)))
    return float(1.4826 * np.median(np.abs(deviation))) if len(deviation) else None


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
        noise = float(1.4826 * np.median(size))
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
    if len(rows) < _STENCIL:
        return np.empty(0), np.empty(0, dtype=np.int64)
    leg = traces.leg[rows]
    first = np.flatnonzero(leg[_STENCIL - 1 :] == leg[: len(rows) - _STENCIL + 1])
    cells = first[:, None] + np.arange(_STENCIL)
    v = traces.voltage_V[rows][cells]
    gaps = v[:, :, None] - v[:, None, :]
    gaps[:, np.arange(_STENCIL), np.arange(_STENCIL)] = np.maximum(np.ptp(v, axis=1), 1e-300)[
        :, None
    ]
    scale = np.ptp(v, axis=1)[:, None, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = 1.0 / np.prod(gaps / scale, axis=2)
        weights /= np.sqrt(np.sum(weights**2, axis=1))[:, None]
    usable = np.isfinite(weights).all(axis=1)
    centred = traces.current_A[rows][cells]
    centred = centred - centred[:, 2:3]
    deviation = np.sum(np.where(usable[:, None], weights, 0.0) * centred, axis=1)
    return deviation[usable], first[usable] + _STENCIL // 2
