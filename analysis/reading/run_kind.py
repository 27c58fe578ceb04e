"""What kind of run a table holds, and what follows from its rows: legs and mean conditions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from nanojunction.analysis.legs import find_legs, is_swept
from nanojunction.analysis.reading.doubts import unsteady
from nanojunction.analysis.run import Run, RunKind
from nanojunction.analysis.values import Array

_KINDS: tuple[tuple[str, RunKind], ...] = (
    ("calibrat", "calibration"),
    ("temperature", "iv"),
    ("iv", "iv"),
    ("ih", "ih"),
    ("it", "it"),
    ("vt", "vt"),
    ("unknown", "unknown"),
)


def stated_kind(header: Mapping[str, str]) -> RunKind | None:
    """Return the kind that a header states: its Kind, or else the class name of its procedure."""
    procedure = header.get("Procedure", "").strip("<>").rpartition(".")[2]
    for text in (header.get("Kind", ""), procedure):
        for start, kind in _KINDS:
            if text.lower().startswith(start):
                return kind
    return None


def finish(
    run: Run,
    stated: RunKind | None,
    legs: Array | None,
    named: Collection[str],
    plateau: Array | None,
) -> Run:
    """Add to a run what follows from its rows: kind, legs and mean conditions."""
    kind = stated or _inferred_kind(run)
    if legs is not None:
        leg = legs.astype(np.int64)
        leg -= leg.min()
    elif kind == "ih" and run.field_T is not None:
        leg = find_legs(run.field_T)
    elif kind in ("iv", "calibration", "unknown"):
        swept = next(s for s in (run.setpoint_V, run.setpoint_A, run.voltage_V) if s is not None)
        leg = find_legs(swept)
    else:
        leg = run.leg
    clean = ~run.in_compliance
    whole, nothing = bool(clean.all()), not clean.any()

    def mean(values: Array | None) -> float | None:
        if values is None or nothing:
            return None
        return float((values if whole else values[clean]).mean())

    old = run.conditions

    def condition(key: str, seen: float | None, stated: float | None) -> float | None:
        return stated if key in named or seen is None else seen

    temperature = mean(run.temperature_K if run.temperature_K is not None else plateau)
    field = mean(run.field_T) if kind != "ih" else None
    voltage = mean(run.voltage_V) if kind in ("ih", "it") else None
    current = mean(run.current_A) if kind == "vt" else None
    conditions = replace(
        old,
        temperature_K=condition("temperature_K", temperature, old.temperature_K),
        field_T=condition("field_T", field, old.field_T),
        voltage_V=condition("voltage_V", voltage, old.voltage_V),
        current_A=condition("current_A", current, old.current_A),
    )
    warnings = run.warnings
    if run.temperature_K is not None and "temperature_K" not in named:
        warnings = (*warnings, *unsteady(run.temperature_K))
    return replace(run, kind=kind, leg=leg, conditions=conditions, warnings=warnings)


def _inferred_kind(run: Run) -> RunKind:
    """Tell an I(V) from an I(H) by what is swept, an I(t) from a V(t) by what is held."""
    voltage = run.setpoint_V if run.setpoint_V is not None else run.voltage_V
    v_swept = is_swept(voltage) or (run.setpoint_A is not None and is_swept(run.setpoint_A))
    h_swept = run.field_T is not None and is_swept(run.field_T)
    if v_swept and not h_swept:
        return "iv"
    if h_swept and not v_swept:
        return "ih"
    return "unknown" if v_swept else _at_rest(run)


def _at_rest(run: Run) -> RunKind:
    """Tell I(t) and V(t): over time one is exactly constant, as set, and the other was read."""
    if run.time_s is None or len(run) < 2 or not np.ptp(run.time_s) > 0.0:
        return "unknown"
    v_set = run.voltage_V if run.setpoint_V is None else run.setpoint_V
    i_set = run.current_A if run.setpoint_A is None else run.setpoint_A
    v_held, i_held = (float(np.ptp(one)) == 0.0 for one in (v_set, i_set))
    if v_held == i_held:
        return "unknown"
    return "it" if v_held else "vt"
