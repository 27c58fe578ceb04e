"""Whether a junction is open, short or conducts, as far as one I(V) can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nanojunction.analysis.calibration import CalibrationError, MeasuringLine, number
from nanojunction.analysis.notation import in_words
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.thresholds import Thresholds
from nanojunction.analysis.values import Quantity

State = Literal["open", "short", "conducts", "unclear"]

# Standard errors by which a conductance stands out. A chip is mostly open junctions, and the error
# from two dozen rows is itself uncertain: with three, one of a hundred would pass for a resistor.
_CLEAR = 5.0
_REACH = 3.0  # standard errors within which an offset may yet be larger


@dataclass(frozen=True, slots=True)
class Conduction:
    """What one I(V) says: `resistance` (value None: not determined) and the reason in words.

    `unclear` is a run that cannot tell. `above_ohm` is what the resistance of an open junction is
    known to exceed. `is_offset` says that the current keeps to its limit in one direction, or does
    not vanish at V = 0 while no slope is seen: not what an open or a shorted junction does.
    """

    state: State
    resistance: Quantity
    reason: str
    above_ohm: float | None = None
    is_offset: bool = False


def conduction(
    result: RunResult, thresholds: Thresholds, line: MeasuringLine | None = None
) -> Conduction:
    """Return whether a junction conducts.

    With `line`, a current at V = 0 that no calibrated resistor has is not taken for that of an open
    junction, however small.
    """
    limited = _in_compliance(result.run, thresholds)
    if limited is not None:
        return limited
    i_off = number(result.quantities, "i_off_A")
    resistance = number(result.quantities, thresholds.resistance)
    if i_off.value is None:
        resistance = Quantity(None, note=i_off.note or "the run has no I_off")
    if resistance.value is None and resistance.extra.get("window_V") is None:
        note = resistance.note or f"the run has no {thresholds.resistance}"
        return Conduction("unclear", resistance, note)
    if _is_flat(resistance, thresholds):
        return _without_slope(resistance, i_off, thresholds, line)
    if resistance.value is not None and 0 < resistance.value < thresholds.short_below_ohm:
        reason = f"R_s is {in_words(resistance.value, 'Ω')}, below {thresholds.short_below_ohm:g} Ω"
        return Conduction("short", resistance, reason)
    reason = f"R_s is {in_words(resistance.value or 0.0, 'Ω')}"
    return Conduction("conducts", resistance, reason)


def _without_slope(
    resistance: Quantity, i_off: Quantity, thresholds: Thresholds, line: MeasuringLine | None
) -> Conduction:
    """Tell an open junction from a run whose noise hides it and from a current without a slope."""
    above_ohm = _above_ohm(resistance)
    size_A, error_A = abs(i_off.value or 0.0), _REACH * (i_off.stderr or 0.0)
    least_A = thresholds.open_below_A
    if line is not None:
        least_A = min(least_A, thresholds.candidate_ratio * _least_offset_A(line))
    above = in_words(above_ohm, "Ω", 2)
    missing = Quantity(None, note=f"above {above}, as far as the noise lets see")
    reason = resistance.note or f"R_s is above {thresholds.open_above_ohm:g} Ω within its error"
    if size_A >= least_A and size_A > error_A:
        flowing = f"{in_words(i_off.value or 0.0, 'A')} flows at 0 V, but {reason}"
        return Conduction("unclear", missing, flowing, above_ohm, is_offset=True)
    if above_ohm < thresholds.open_known_above_ohm:
        hidden = f"noise hides a resistance above {above}: that says nothing of open"
        return Conduction("unclear", missing, hidden, above_ohm)
    return Conduction("open", missing, reason, above_ohm)


def _least_offset_A(line: MeasuringLine) -> float:
    """Return the line's offset in current at its largest resistor, where it is smallest."""
    try:
        offset = line.offset("i_off_A", line.points[-1].resistance_ohm)
    except CalibrationError:
        return float("inf")
    return offset.value + 2.0 * offset.stderr


def _in_compliance(run: Run, thresholds: Thresholds) -> Conduction | None:
    """Return what rows in compliance tell: a short at both limits, an offset at one; else None.

    These rows enter no fit, and of a short there are few others.
    """
    positive = run.in_compliance & (run.current_A > 0)
    negative = run.in_compliance & (run.current_A < 0)
    if not (positive.any() and negative.any()):
        return _one_sided(run) if len(run) and run.in_compliance.all() else None
    up, down = (
        (float(np.median(run.voltage_V[rows])), float(np.median(run.current_A[rows])))
        for rows in (positive, negative)
    )
    at_limit_ohm = (up[0] - down[0]) / (up[1] - down[1])
    if not abs(at_limit_ohm) < thresholds.short_below_ohm:
        return None
    rows = int(np.count_nonzero(run.in_compliance))
    reason = f"{rows} of {len(run)} rows are in compliance, at {in_words(at_limit_ohm, 'Ω')}"
    middle_V = 0.5 * (up[0] + down[0])
    return Conduction(
        "short", Quantity(at_limit_ohm, None, reason, extra={"v_off_V": middle_V}), reason
    )


def _one_sided(run: Run) -> Conduction:
    """Describe a run whose every row is in compliance, not at both signs of the current."""
    limit_A = float(np.median(run.current_A))
    reason = f"the current keeps to its limit of {in_words(limit_A, 'A')} at every voltage"
    return Conduction("unclear", Quantity(None, note=reason), reason, is_offset=True)


def _is_flat(resistance: Quantity, thresholds: Thresholds) -> bool:
    """Tell whether the conductance is not clearly above that of an open junction.

    A slope that was looked for and is null is zero within its error.
    """
    if resistance.value is None:
        return True
    conductance_S = abs(1.0 / resistance.value)
    stderr_S = (resistance.stderr or 0.0) * conductance_S**2
    return conductance_S - _CLEAR * stderr_S < 1.0 / thresholds.open_above_ohm


def _above_ohm(resistance: Quantity) -> float:
    """Return what the resistance exceeds, three standard errors of the conductance allowed for."""
    if resistance.value is None:
        return float(resistance.extra.get("above_ohm", 0.0))
    conductance_S = abs(1.0 / resistance.value)
    return 1.0 / (conductance_S + 3.0 * (resistance.stderr or 0.0) * conductance_S**2)
