"""The quantities of one run that is no I(V): I(H), I(t) and V(t)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from nanojunction.analysis.at_rest.stability import mean_of, stability
from nanojunction.analysis.field.levels import combine_levels, level_at
from nanojunction.analysis.field.loops import (
    FieldLeg,
    Plateau,
    Switch,
    field_legs,
    find_plateaus,
    find_switches,
    with_states,
)
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Curve, Quantity


def analyse_ih(run: Run) -> RunResult:
    """Return the quantities of an I(H) run.

    `voltage_V` (sensed, mean), `i_mean_A`, `i_zero_field_A`, `i_max_field_A` (mean of both
    directions), `plateaus` (with the proposed state: the level at the largest |H| is P, the one
    farthest from it AP), `switching_fields`, and `i_of_field`, one curve a leg. What cannot be
    determined is null with the reason.
    """
    warnings = [*run.warnings, *_compliance(run)]
    try:
        legs = field_legs(run)
    except ValueError as error:
        reason = str(error).removeprefix(f"{run.file}: ")
        missing = Quantity(None, note=reason)
        keys = ("voltage_V", "i_mean_A", "i_zero_field_A", "i_max_field_A")
        return RunResult(run, dict.fromkeys(keys, missing), (*warnings, reason))
    plateaus: list[Plateau] = []
    switches: list[Switch] = []
    for leg in legs:
        found = find_plateaus(leg)
        plateaus.extend(found)
        switches.extend(find_switches(leg, found))
    usable = ~run.in_compliance
    farthest = max((leg.field_T[k] for leg in legs for k in (0, -1)), key=lambda h: (abs(h), -h))
    quantities: dict[str, Any] = {
        "voltage_V": mean_of(run.voltage_V[usable]),
        "i_mean_A": mean_of(run.current_A[usable]),
        "i_zero_field_A": _level(legs, 0.0),
        "i_max_field_A": _level(legs, float(farthest)),
        "plateaus": with_states(plateaus),
        "switching_fields": switches,
        "i_of_field": [_curve(leg) for leg in legs],
    }
    return RunResult(run, quantities, tuple(warnings))


def analyse_at_rest(run: Run) -> RunResult:
    """Return the quantities of a run in which nothing was swept: I(t) or V(t).

    `i_mean_A`, `v_mean_V` and `duration_s`, and how steady the current of I(t) or the voltage of
    V(t) was: drift, settling, Allan deviation and telegraph noise (`stability.stability`).
    """
    usable = ~run.in_compliance
    time_s = None if run.time_s is None else run.time_s[usable]
    current, voltage = run.current_A[usable], run.voltage_V[usable]
    quantities: dict[str, Any] = {"i_mean_A": mean_of(current), "v_mean_V": mean_of(voltage)}
    found = stability(current, time_s, "A") if run.kind == "it" else stability(voltage, time_s, "V")
    quantities.update(found.quantities)
    if run.time_s is not None and len(run):
        quantities["duration_s"] = Quantity(float(run.time_s[-1] - run.time_s[0]), 0.0)
    return RunResult(run, quantities, (*run.warnings, *_compliance(run), *found.warnings))


def _compliance(run: Run) -> list[str]:
    count = int(np.sum(run.in_compliance))
    if count == 0:
        return []
    return [f"{count} {'row is' if count == 1 else 'rows are'} in compliance and left out"]


def _level(legs: list[FieldLeg], field_T: float) -> Quantity:
    levels = [
        (leg.direction, level.current_A)
        for leg in legs
        if (level := level_at(leg, field_T)) is not None
    ]
    found = combine_levels(levels, "A")
    return replace(found, extra={"field_T": field_T})


def _curve(leg: FieldLeg) -> Curve:
    stderr = np.full(len(leg.field_T), leg.noise_A)
    return Curve(leg.field_T, leg.current_A, stderr, extra={"direction": leg.direction})
