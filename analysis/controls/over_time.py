"""Checks against time: the offsets at rest, over repeated runs, and over the legs of one run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from nanojunction.analysis.at_rest.stability import Unit, unsteady
from nanojunction.analysis.controls.pairs import (
    I_OFF,
    OFFSETS,
    V_OFF,
    agreement,
    missing,
    names_of,
    pair_of,
    quantities_of,
)
from nanojunction.analysis.controls.rules import (
    Estimate,
    combined,
    persists,
    pooled,
    stays,
)
from nanojunction.analysis.devices.checks import Check, Conditions, Findings
from nanojunction.analysis.iv.quantities import analyse_iv
from nanojunction.analysis.run import Run, cut
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Array, Quantity

FEWEST_REPEATS = 3
"""Repeats without which a drift is not looked for."""

_AT_REST = {"it": (I_OFF, "i_mean_A"), "vt": (V_OFF, "v_mean_V")}
_NEAR_ZERO = 0.1
_LEAST_SHARE = 1e-6  # an error this much smaller than another would fix the line by one point


def rest_check(
    swept: Sequence[RunResult], at_rest: Sequence[RunResult], conditions: Conditions
) -> Check | None:
    """Compare I(t) at V = 0 with I_off, and V(t) at I = 0 with V_off; None without such runs.

    What charges or heats during a sweep is not there at rest; a reading that drifts, settles or
    jumps there is named. Passed if the sign is kept with at
    least half of the size, failed if less than a tenth is left.
    """
    found = Findings()
    used: list[RunResult] = []
    for kind, (offset, key) in _AT_REST.items():
        runs = [r for r in at_rest if r.run.kind == kind and _is_at_zero(r, swept)]
        if not runs:
            continue
        used += runs
        of_sweep = pooled(quantities_of(swept, offset.key))[0]
        resting = pooled(quantities_of(runs, key))[0]
        if of_sweep is None:
            why = f"{offset.name} of the sweep: {missing(swept, offset.key)}"
            found.lacks(why, offset.named("at_rest"))
        elif resting is None:
            found.lacks(f"{kind}: {missing(runs, key)}", offset.named("at_rest"))
        else:
            found.add(
                persists(of_sweep, resting),
                f"{offset.name}: {offset.text(of_sweep)} from the sweep, "
                f"{offset.text(resting)} at rest",
                **{offset.named("at_rest"): resting.to_quantity()},
            )
        unit: Unit = "A" if kind == "it" else "V"
        found.words += [text for one in runs for text in unsteady(one.quantities, unit)]
    return found.check("rest", conditions, names_of(swept, used)) if used else None


def _is_at_zero(result: RunResult, swept: Sequence[RunResult]) -> bool:
    """Tell whether a run was at V = 0 (I(t)) or I = 0 (V(t)), beside the offset of the sweep."""
    run = result.run
    setpoint, held, key = (
        (run.setpoint_V, run.voltage_V, "v_off_V")
        if run.kind == "it"
        else (run.setpoint_A, run.current_A, "i_off_A")
    )
    if setpoint is not None:
        return not np.any(setpoint)
    sizes = [abs(q.value) for q in quantities_of(swept, key) if q.value is not None]
    return bool(sizes) and abs(float(np.mean(held))) < _NEAR_ZERO * min(sizes)


def drift_check(repeats: Sequence[RunResult], conditions: Conditions) -> Check | None:
    """Look for a slope of the offsets over at least three repeats; None where there are fewer.

    Passed if the line through the repeats changes by no more than a tenth of the effect from the
    first to the last of them.
    """
    if len(repeats) < FEWEST_REPEATS:
        return None
    found = Findings()
    moments = [_moment_s(result.run) for result in repeats]
    for offset in OFFSETS:
        slope_key, change_key = f"{offset.named('drift')}_per_s", offset.named("change")
        values = quantities_of(repeats, offset.key)
        known = [
            (moment, value)
            for moment, value in zip(moments, values, strict=True)
            if moment is not None and value.value is not None
        ]
        times_s = np.array([moment for moment, _ in known])
        if len(known) < FEWEST_REPEATS or np.ptp(times_s) == 0.0:
            found.lacks(f"{offset.name}: {_too_few(moments, values)}", slope_key, change_key)
            continue
        mean, slope = straight_line(times_s, [value for _, value in known])
        span_s = float(np.ptp(times_s))
        change = combined((span_s, slope))
        sigmas = abs(slope.value) / slope.stderr if slope.stderr else None
        found.add(
            stays(mean, change),
            f"{offset.name}: {offset.text(mean)} on average, {offset.text(change)} from the first "
            f"to the last of {len(known)} runs in {span_s / 60.0:.3g} min",
            **{
                slope_key: Quantity(slope.value, slope.stderr, extra={"significance": sigmas}),
                change_key: change.to_quantity(),
            },
        )
    return found.check("drift", conditions, names_of(repeats))


def _too_few(moments: Sequence[float | None], values: Sequence[Quantity]) -> str:
    if sum(moment is not None for moment in moments) < FEWEST_REPEATS:
        return f"{len(moments)} repeats, but their files do not say when each was started"
    found = sum(value.value is not None for value in values)
    needed = f"{FEWEST_REPEATS} at different times are needed"
    return f"{found} of {len(values)} repeats have it, {needed}"


def _moment_s(run: Run) -> float | None:
    """Return when the middle of a run was, on the station's clock (s, from any beginning)."""
    try:
        started = datetime.fromisoformat(run.header["Started"])
        speed = float(run.header.get("Clock speed", "1"))
    except (KeyError, ValueError):
        return None
    middle_s = 0.0 if run.time_s is None or not len(run) else float(np.mean(run.time_s))
    return started.timestamp() * speed + middle_s


def straight_line(times_s: Array, values: Sequence[Quantity]) -> tuple[Estimate, Estimate]:
    """Return mean and slope (per s) of repeats over time.

    Weighted with 1/stderr²; where the repeats scatter more about the line than their standard
    errors, or an error is unknown or zero, all weigh the same and the scatter gives the errors.
    """
    x = np.array([q.value for q in values], dtype=float)
    errors = np.array([q.stderr if q.stderr is not None else math.nan for q in values])
    dof = len(x) - 2
    if np.all(errors > _LEAST_SHARE * np.max(errors)):
        mean, slope, chi2 = _fit(times_s, x, errors)
        if chi2 <= dof:
            return mean, slope
    mean, slope, chi2 = _fit(times_s, x, np.ones(len(x)))
    scatter = math.sqrt(chi2 / dof)
    return (
        Estimate(mean.value, (mean.stderr or 0.0) * scatter, dof),
        Estimate(slope.value, (slope.stderr or 0.0) * scatter, dof),
    )


def _fit(times_s: Array, x: Array, errors: Array) -> tuple[Estimate, Estimate, float]:
    """Return mean and slope, which are independent about the weighted mean time, and χ²."""
    least = float(np.min(errors))
    weights = (least / errors) ** 2
    total = float(np.sum(weights))
    # A station's clock that runs fast counts so many seconds that rounding is a part of one.
    t = times_s - times_s[0]
    t = t - float(np.sum(weights * t)) / total
    mean = float(np.sum(weights * x)) / total
    square = float(np.sum(weights * t**2))
    slope = float(np.sum(weights * t * (x - mean))) / square
    with np.errstate(over="ignore"):
        chi2 = float(np.sum(((x - mean - slope * t) / errors) ** 2))
    return (
        Estimate(mean, least / math.sqrt(total)),
        Estimate(slope, least / math.sqrt(square)),
        chi2,
    )


def legs_check(result: RunResult, conditions: Conditions) -> Check | None:
    """Compare the first with the last leg in one direction of a run.

    Only legs that reach from 0 V to beyond V_off count; None where there are no two of them.
    Passed if the offsets keep to a tenth.
    """
    legs = _first_and_last(result)
    if legs is None:
        return None
    first, last = (analyse_iv(cut(result.run, leg)) for leg in legs)
    found = Findings()
    for offset in OFFSETS:
        agreement(found, offset, pair_of(offset, [first], [last]), ("first leg", "last leg"))
    return found.check("legs", conditions, names_of([result]))


def _first_and_last(result: RunResult) -> tuple[slice, slice] | None:
    """Return the rows of the first and the last leg of one direction that hold both offsets."""
    run = result.run
    v_off = quantities_of([result], "v_off_V")[0].value
    if v_off is None:
        return None
    numbers = np.unique(run.leg)
    found: dict[bool, list[slice]] = {True: [], False: []}
    for number in numbers.tolist():
        rows = np.flatnonzero(run.leg == number)
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        voltage = run.voltage_V[part]
        low, high = float(voltage.min()), float(voltage.max())
        if low < min(0.0, v_off) and high > max(0.0, v_off):
            found[bool(voltage[-1] > voltage[0])].append(part)
    legs = max(found.values(), key=len)
    return (legs[0], legs[-1]) if len(legs) > 1 else None
