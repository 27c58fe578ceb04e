"""Magnetoresistance, magnetocurrent, TMR and spin polarisation of one device at one temperature.

Chowrira 2020, Fig. 3; Katcko 2019, Fig. 2. Ratios are fractions. Without a stated state, the
larger |H| is the parallel state; the other state is the one nearest to 0 T.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nanojunction.analysis.averages import ratio_of, weighted_mean
from nanojunction.analysis.calibration import CalibrationError, MeasuringLine, number
from nanojunction.analysis.field.current_ratios import (
    MASK_BELOW,
    CurrentPair,
    current_pair,
    julliere,
    ratio_curve,
    ratio_peak,
    sign_reversals,
)
from nanojunction.analysis.field.field_resistance import (
    Loop,
    current_level,
    loops_by_voltage,
    parallel_field,
    resistance_curves,
    resistance_level,
    widest_pair,
)
from nanojunction.analysis.field.loops import FieldLeg, field_legs, find_plateaus
from nanojunction.analysis.field.sign_reversal import BEYOND, delivers
from nanojunction.analysis.field.states import (
    LARGEST_AGAINST_ZERO,
    ZERO_FIELD_T,
    FieldReference,
    States,
    choose_states,
)
from nanojunction.analysis.field.switching import propose, switching_fields
from nanojunction.analysis.notation import in_words
from nanojunction.analysis.run import Run
from nanojunction.analysis.values import Curve, Quantity

if TYPE_CHECKING:
    from nanojunction.analysis.run_result import RunResult

__all__ = ["FieldReference", "States", "analyse_magneto", "choose_states"]


def analyse_magneto(
    iv: Sequence[RunResult],
    ih: Sequence[RunResult],
    line: MeasuringLine | None = None,
    reference: FieldReference = LARGEST_AGAINST_ZERO,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the quantities of a `magneto` group and its warnings.

    `iv` and `ih` are runs of one device at one temperature. `mr` comes from R_s(H) where I(H) was
    measured at two voltages, else from the I(V) of both states; `mc` and `tmr` are curves over V
    from the I(V), else points from the plateaus of I(H). What cannot be found is null with its
    reason. `line` widens the mask of small denominators by what its offset drives. `reference`
    says which fields of I(H) are compared.
    """
    quantities: dict[str, Any] = {}
    warnings: list[str] = []
    states = choose_states(iv, reference)
    if states is not None:
        quantities.update(_from_iv(states, line, warnings))
    elif reference.is_given and iv:
        warnings.append("no two I(V) were measured at the fields that were given")
    legs = _usable_legs([r.run for r in ih], warnings)
    if legs:
        quantities["switching_fields"] = switching_fields(legs)
        quantities["proposed_fields"] = propose(legs)
        loops = loops_by_voltage([leg for run in legs for leg in run])
        quantities.update(_from_loops(loops, line, reference, quantities))
    for key in ("mr", "mr_optimistic", "mc", "tmr"):
        preferred = [f"{key}_from_loops", f"{key}_from_iv"]
        if key in {"mc", "tmr"}:
            preferred.reverse()
        found = [quantities[name] for name in preferred if name in quantities]
        present = [item for item in found if not _is_missing(item)]
        missing = Quantity(None, note="neither I(V) in two states nor I(H) gives it")
        quantities[key] = (present or found or [missing])[0]
    quantities["spin_polarisation"] = _polarisation(quantities["mr"], quantities["mr_optimistic"])
    return quantities, tuple(warnings)


def _is_missing(item: Quantity | Curve) -> bool:
    return isinstance(item, Quantity) and item.value is None


def _from_iv(states: States, line: MeasuringLine | None, warnings: list[str]) -> dict[str, Any]:
    """Return resistances, ratios and curves of I(V) pairs."""
    if states.left_out:
        warnings.append("in neither state: " + ", ".join(states.left_out))
    fields = {
        "parallel_field_T": states.parallel_field_T,
        "reference_field_T": states.reference_field_T,
    }
    r_p = weighted_mean([number(r.quantities, "r_s_ohm") for r in states.parallel])
    r_ref = weighted_mean([number(r.quantities, "r_s_ohm") for r in states.reference])
    out: dict[str, Any] = {
        "states": states,
        "r_s_parallel_ohm": r_p,
        "r_s_reference_ohm": r_ref,
        **_magnetoresistance(r_ref, r_p, fields, "iv"),
    }
    try:
        pair = current_pair(
            [r.run for r in states.parallel],
            [r.run for r in states.reference],
            syst_A=_line_current(line, r_ref),
        )
    except ValueError as error:
        warnings.append(str(error))
        return out
    curve = ratio_curve(pair)
    tmr = replace(curve, extra={**fields, "source": "iv"})
    out["tmr_from_iv"] = tmr
    out["mc_from_iv"] = replace(tmr, note=reference_note(curve.note, states.reference_field_T))
    out["tmr_peak"] = peak = ratio_peak(pair, curve)
    out["spin_polarisation_tmr"] = julliere(peak["height"], same_sign=True, source="tmr_peak")
    out["sign_reversals"] = sign_reversals(pair)
    out["i_of_v"] = _current_curves(pair)
    return out


def _current_curves(pair: CurrentPair) -> dict[str, Curve]:
    return {
        "parallel": Curve(pair.voltage_V, pair.parallel_A, pair.parallel_err_A),
        "reference": Curve(pair.voltage_V, pair.reference_A, pair.reference_err_A),
    }


def reference_note(note: str | None, reference_field_T: float | None) -> str | None:
    if reference_field_T is not None and abs(reference_field_T) <= ZERO_FIELD_T:
        return note
    where = "an unknown field" if reference_field_T is None else in_words(reference_field_T, "T")
    text = f"the reference was measured at {where}, not at 0 T"
    return text if note is None else f"{note}; {text}"


def _magnetoresistance(
    r_ref: Quantity, r_p: Quantity, fields: Mapping[str, Any], source: str
) -> dict[str, Quantity]:
    """Return MR = R_s(0)/R_s(H_P) − 1 and its optimistic inverse, named after their source."""
    suffix = "from_loops" if source == "ih" else "from_iv"
    out = {}
    for key, ratio in (("mr", ratio_of(r_ref, r_p)), ("mr_optimistic", ratio_of(r_p, r_ref))):
        note = ratio.note
        if ratio.value is not None:
            note = reference_note(note, fields.get("reference_field_T"))
        out[f"{key}_{suffix}"] = replace(ratio, note=note, extra={"source": source, **fields})
    return out


def _line_current(line: MeasuringLine | None, resistance: Quantity) -> float:
    """Return the current (A) that the line's voltage offset drives through a resistance.

    The line's own current offset belongs to its resistor and says nothing about another one.
    """
    if line is None or resistance.value is None or resistance.value <= 0:
        return 0.0
    try:
        return line.offset("v_off_V", resistance.value).value / resistance.value
    except CalibrationError:
        return 0.0


def _usable_legs(runs: Sequence[Run], warnings: list[str]) -> list[list[FieldLeg]]:
    """Return the legs of each run that has any."""
    usable = []
    for run in runs:
        try:
            usable.append(field_legs(run))
        except ValueError as error:
            warnings.append(str(error))
    return usable


def _from_loops(
    loops: Sequence[Loop],
    line: MeasuringLine | None,
    reference: FieldReference,
    known: Mapping[str, Any],
) -> dict[str, Any]:
    """Return R_s(H), MR, MC and TMR of I(H) at one or several voltages."""
    at_ref, side = reference.in_loops_T, reference.approach
    given = reference.parallel_field_T
    at_p = parallel_field(loops) if given is None else given
    fields = {"parallel_field_T": at_p, "reference_field_T": at_ref, "approach": side}
    out: dict[str, Any] = {}
    r_zero = Quantity(None, note="R_s(H) needs I(H) at two different voltages")
    if len(loops) >= 2:
        pair = widest_pair(loops)
        out["r_s_of_field"] = resistance_curves(pair)
        r_zero = resistance_level(pair, at_ref, side)
        r_p = resistance_level(pair, at_p, side)
        out["r_s_zero_field_ohm"], out["r_s_max_field_ohm"] = r_zero, r_p
        out.update(_magnetoresistance(r_zero, r_p, fields, "ih"))
    resistance = r_zero if r_zero.value is not None else number(known, "r_s_reference_ohm")
    syst = _line_current(line, resistance)
    parallel = [current_level(loop, at_p, side) for loop in loops]
    zero = [current_level(loop, at_ref, side) for loop in loops]
    extra = {**fields, "source": "ih"}
    mc = _points(loops, parallel, zero, syst, extra)
    out["mc_from_loops"] = replace(mc, note=reference_note(mc.note, at_ref))
    other = zero
    if reference.reference_field_T is None:
        other = [_most_different(loop, level) for loop, level in zip(loops, parallel, strict=True)]
        extra = {**extra, "reference_field_T": None, "reference": "the plateau farthest from P"}
    out["tmr_from_loops"] = _points(loops, parallel, other, syst, extra)
    out["sign_reversals_from_loops"] = _opposite(loops, parallel, other, syst)
    return out


def _opposite(
    loops: Sequence[Loop], parallel: Sequence[Quantity], other: Sequence[Quantity], syst_A: float
) -> list[dict[str, Any]]:
    """Return the voltages of loops at which both states' currents have opposite signs for sure."""
    found = []
    for loop, i_p, i_ref in zip(loops, parallel, other, strict=True):
        both = (i_p.value or 0.0), (i_ref.value or 0.0)
        limits = (BEYOND * (q.stderr or 0.0) + syst_A for q in (i_p, i_ref))
        if both[0] * both[1] < 0.0 and all(abs(x) > y for x, y in zip(both, limits, strict=True)):
            found.append(
                {
                    "voltage_V": loop.voltage_V,
                    "parallel_A": i_p,
                    "reference_A": i_ref,
                    "delivers": delivers(loop.voltage_V, both[0]),
                }
            )
    return found


def _most_different(loop: Loop, parallel: Quantity) -> Quantity:
    """Return the current of the plateaus that differ most from the parallel state's.

    A leg that has no plateau even half as far away never stood in the other state: it has no say.
    """
    level = parallel.value
    if level is None:
        return Quantity(None, note=parallel.note)

    def apart_A(current: Quantity) -> float:
        return abs((current.value or 0.0) - level)

    legs = ([plateau.current_A for plateau in find_plateaus(leg)] for leg in loop.legs)
    farthest = [max(plateaus, key=apart_A) for plateaus in legs if plateaus]
    most = max(map(apart_A, farthest), default=0.0)
    return weighted_mean([current for current in farthest if apart_A(current) >= 0.5 * most])


def _points(
    loops: Sequence[Loop],
    parallel: Sequence[Quantity],
    reference: Sequence[Quantity],
    syst_A: float,
    extra: Mapping[str, Any],
) -> Curve:
    """Return I_P/I_ref − 1 at each loop's voltage, NaN where masked or missing."""
    ratios, notes = [], []
    for loop, i_p, i_ref in zip(loops, parallel, reference, strict=True):
        ratio = ratio_of(i_p, i_ref)
        limit = MASK_BELOW * (i_ref.stderr or 0.0) + syst_A
        if ratio.value is not None and abs(i_ref.value or 0.0) <= limit:
            ratio = Quantity(None, note="the denominator is zero within its error and the line's")
        if ratio.value is None:
            notes.append(f"at {in_words(loop.voltage_V, 'V')}: {ratio.note}")
        ratios.append(ratio)

    def column(items: Sequence[float | None]) -> Any:
        return np.array([np.nan if item is None else item for item in items], dtype=float)

    return Curve(
        np.array([loop.voltage_V for loop in loops]),
        column([ratio.value for ratio in ratios]),
        column([ratio.stderr for ratio in ratios]),
        "; ".join(notes) or None,
        extra={
            **extra,
            "parallel_A": [item.to_json() for item in parallel],
            "reference_A": [item.to_json() for item in reference],
        },
    )


def _polarisation(mr: Quantity, optimistic: Quantity) -> Quantity:
    """Return |P| from the one of the two ratios that is above zero."""
    if mr.value is not None and mr.value > 0:
        return julliere(mr, same_sign=True, source="mr")
    return julliere(optimistic, same_sign=False, source="mr_optimistic")
