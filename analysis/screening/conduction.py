"""Whether a junction is open, short or conducts, as far as one I(V) can tell."""

from __future__ import annotations

import math
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
_BEYOND = 0.0027  # probability of what is further off than three standard deviations
_CHANCE = 1e-4  # with which the rows of an open junction seem to have a slope
_WIDE = 0.05  # of the swept range: what is more than one setpoint
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
    limited = _in_compliance(result, thresholds)
    if limited is not None:
        return limited
    i_off = number(result.quantities, "i_off_A")
    resistance = number(result.quantities, thresholds.resistance)
    if resistance.extra.get("window_V") is None and result.run.in_compliance.any():
        resistance = number(result.quantities, "r_s_ohm")  # no chord goes beyond compliance
    if i_off.value is None:
        resistance = Quantity(None, note=i_off.note or "the run has no I_off")
    if resistance.value is None and resistance.extra.get("window_V") is None:
        note = resistance.note or f"the run has no {thresholds.resistance}"
        return Conduction("unclear", resistance, note)
    slope = _slope(result.run)
    if _is_flat(result.run, slope, resistance, thresholds):
        return _without_slope(_above_ohm(slope), i_off, thresholds, line)
    if _is_short(resistance, number(result.quantities, "r_s_ohm"), thresholds):
        size = in_words(resistance.value or 0.0, "Ω")
        reason = f"R_s is {size}, below {thresholds.short_below_ohm:g} Ω"
        return Conduction("short", resistance, reason)
    reason = f"R_s is {in_words(resistance.value or 0.0, 'Ω')}"
    return Conduction("conducts", resistance, reason)


def _is_short(resistance: Quantity, at_zero: Quantity, thresholds: Thresholds) -> bool:
    """Tell whether a resistance is that of a short, as its slope at 0 V does not deny.

    The chord of a steep junction is as small, where the voltage is large enough.
    """
    is_small = resistance.value is not None and 0 < resistance.value < thresholds.short_below_ohm
    return is_small and _least_ohm(at_zero) < thresholds.short_below_ohm


def _least_ohm(resistance: Quantity) -> float:
    return (resistance.value or 0.0) - _CLEAR * (resistance.stderr or 0.0)


def _without_slope(
    above_ohm: float, i_off: Quantity, thresholds: Thresholds, line: MeasuringLine | None
) -> Conduction:
    """Tell an open junction from a run whose noise hides it and from a current without a slope."""
    size_A, error_A = abs(i_off.value or 0.0), _REACH * (i_off.stderr or 0.0)
    least_A = thresholds.open_below_A
    if line is not None:
        least_A = min(least_A, thresholds.candidate_ratio * _least_offset_A(line))
    above = in_words(above_ohm, "Ω", 2)
    missing = Quantity(
        None, note=f"above {above}, as far as the noise lets see", extra={"above_ohm": above_ohm}
    )
    reason = f"no slope is seen: R_s is above {above}"
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


def _in_compliance(result: RunResult, thresholds: Thresholds) -> Conduction | None:
    """Return what rows in compliance tell: a short at both limits, an offset at one; else None.

    These rows enter no fit, and of a short there are few others. Where a run was ended before the
    other limit, because it was in compliance for too long, the rows before that stand for it.
    """
    run = result.run
    positive = run.in_compliance & (run.current_A > 0)
    negative = run.in_compliance & (run.current_A < 0)
    if _is_less_than_short(result, thresholds):
        return None
    if positive.any() and negative.any():
        ends = positive, negative
    elif run.in_compliance.all():
        return _one_sided(run) if len(run) else None
    elif run.status == "protected" and run.in_compliance.any():
        ends = run.in_compliance, ~run.in_compliance
    else:
        return None
    up, down = (
        (float(np.median(run.voltage_V[rows])), float(np.median(run.current_A[rows])))
        for rows in ends
    )
    if up[1] == down[1]:
        return None
    at_limit_ohm = (up[0] - down[0]) / (up[1] - down[1])
    if not abs(at_limit_ohm) < thresholds.short_below_ohm:
        return None
    rows = int(np.count_nonzero(run.in_compliance))
    reason = f"{rows} of {len(run)} rows are in compliance, at {in_words(at_limit_ohm, 'Ω', 3)}"
    v_off_V = up[0] - at_limit_ohm * up[1]
    return Conduction(
        "short", Quantity(at_limit_ohm, None, reason, extra={"v_off_V": v_off_V}), reason
    )


def _is_less_than_short(result: RunResult, thresholds: Thresholds) -> bool:
    """Tell whether the rows out of compliance conduct clearly less than a short does.

    A steep junction meets the limit far from V = 0, and is none.
    """
    run = result.run
    slope = _slope(run)
    swept = run.voltage_V if run.setpoint_V is None else run.setpoint_V
    free_V = run.voltage_V[~run.in_compliance]
    # Of a short only rows about 0 V are free, whose voltages differ by nothing but noise.
    if slope is None or float(np.ptp(free_V)) < _WIDE * float(np.ptp(swept)):
        return False
    largest_S = slope.value_S + slope.reach_S(_BEYOND)
    if largest_S * thresholds.short_below_ohm < 1.0:
        return True
    return _least_ohm(number(result.quantities, "r_s_ohm")) > thresholds.short_below_ohm


def _one_sided(run: Run) -> Conduction:
    """Describe a run whose every row is in compliance, not at both signs of the current."""
    limit_A = float(np.median(run.current_A))
    reason = f"the current keeps to its limit of {in_words(limit_A, 'A')} at every voltage"
    return Conduction("unclear", Quantity(None, note=reason), reason, is_offset=True)


@dataclass(frozen=True, slots=True)
class _Slope:
    """A conductance from a straight line through all rows, its standard error, and its freedom."""

    value_S: float
    stderr_S: float
    freedom: int

    def reach_S(self, chance: float) -> float:
        """Return how far off it is with this probability, to both sides together.

        A contact check has nine rows, from which no error is well known: Student's t knows by how
        much.
        """
        from scipy.special import stdtrit

        return float(stdtrit(self.freedom, 1.0 - 0.5 * chance)) * self.stderr_S


def _slope(run: Run) -> _Slope | None:
    """Return the slope of the rows out of compliance, None where three voltages are not left."""
    free = ~run.in_compliance
    v, i = run.voltage_V[free], run.current_A[free]
    freedom = len(v) - 2
    if freedom < 1 or float(np.ptp(v)) == 0.0:
        return None
    v = v - np.mean(v)
    square = float(v @ v)
    slope_S = float(v @ i) / square
    rest_A = i - np.mean(i) - slope_S * v
    return _Slope(slope_S, float(np.sqrt(rest_A @ rest_A / freedom / square)), freedom)


def _is_flat(run: Run, slope: _Slope | None, resistance: Quantity, thresholds: Thresholds) -> bool:
    """Tell whether the conductance is not clearly above that of an open junction.

    A slope that was looked for and is null is zero within its error. Where the current changes by
    far more than that of an open junction, nobody asks whether a straight line describes it.
    """
    if resistance.value is None or slope is None:
        return True
    is_small = float(np.ptp(run.current_A[~run.in_compliance])) < 10.0 * thresholds.open_below_A
    if is_small and abs(slope.value_S) <= slope.reach_S(_CHANCE):
        return True
    conductance_S = abs(1.0 / resistance.value)
    stderr_S = (resistance.stderr or 0.0) * conductance_S**2
    return conductance_S - _CLEAR * stderr_S < 1.0 / thresholds.open_above_ohm


def _above_ohm(slope: _Slope | None) -> float:
    """Return what the resistance of an open junction exceeds, as far as its rows tell."""
    if slope is None:
        return 0.0
    largest_S = abs(slope.value_S) + slope.reach_S(_BEYOND)
    return 1.0 / largest_S if largest_S > 0.0 else math.inf
