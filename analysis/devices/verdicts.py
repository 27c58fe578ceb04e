"""A verdict on one junction of a batch: open, short, candidate, ohmic, or undecided and why.

QUANTITIES "Statistics of a batch". Chowrira 2020: a junction counts if both of its offsets are at
least ten times those of the measuring line on a calibrated resistance of similar amplitude.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nanojunction.analysis.calibration import (
    CANDIDATE_RATIO,
    MeasuringLine,
    against_line,
    number,
)
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Quantity

Verdict = Literal["open", "short", "candidate", "ohmic", "undecided"]
VERDICTS: tuple[Verdict, ...] = ("open", "short", "candidate", "ohmic", "undecided")

_RESISTANCES = ("r_s_chord_ohm", "r_s_ohm")

# Standard errors by which a conductance stands out. A chip is mostly open junctions, and the error
# from two dozen rows is itself uncertain: with three, one of a hundred would pass for a resistor.
_CLEAR = 5.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What tells the verdicts apart. Raises ValueError where they contradict each other.

    `open_above_ohm` and `short_below_ohm` hold for `resistance`, the chord by default: Katcko's R
    of a whole I(V), which features near 0 V do not bend. An open junction also carries less than
    `open_below_A` at 0 V (the default is ten times the 500 pA of Katcko's line), or a current
    without a slope would pass for open. A candidate's offsets are both at least `candidate_ratio`
    times the line's. `confidence` is that of every interval.
    """

    open_above_ohm: float = 1e9
    open_below_A: float = 5e-9
    short_below_ohm: float = 10.0
    candidate_ratio: float = CANDIDATE_RATIO
    resistance: Literal["r_s_chord_ohm", "r_s_ohm"] = "r_s_chord_ohm"
    confidence: float = 0.95

    def __post_init__(self) -> None:
        for name in ("open_above_ohm", "open_below_A", "short_below_ohm", "candidate_ratio"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}: give a number above 0")
        if self.resistance not in _RESISTANCES:
            raise ValueError(
                f"resistance is {self.resistance!r}: give one of {', '.join(_RESISTANCES)}"
            )
        if not self.short_below_ohm < self.open_above_ohm:
            raise ValueError(
                f"short_below_ohm is {self.short_below_ohm:g}: it must lie below open_above_ohm, "
                f"{self.open_above_ohm:g}"
            )
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence is {self.confidence}: give a number between 0 and 1")


@dataclass(frozen=True, slots=True)
class DeviceVerdict:
    """The verdict on one device with its resistance (None: not determined) and the reason."""

    device: str
    verdict: Verdict
    resistance_ohm: float | None
    reason: str


def judge(result: RunResult, line: MeasuringLine | None, thresholds: Thresholds) -> DeviceVerdict:
    """Return the verdict on one I(V): open or short first, then by the offsets.

    `line` compares the run with the measuring line; without it the result must have been compared
    before.
    """
    if line is not None:
        result = against_line(result, line)
    found = _by_current(result, thresholds)
    if found is None:
        verdict, reason = _by_resistance(result, thresholds) or _by_offsets(result, thresholds)
        found = verdict, number(result.quantities, thresholds.resistance).value, reason
    verdict, resistance_ohm, reason = found
    return DeviceVerdict(result.run.device, verdict, resistance_ohm, reason)


def _by_current(
    result: RunResult, thresholds: Thresholds
) -> tuple[Verdict, float | None, str] | None:
    """Judge what needs no slope: a short in compliance, and a run that the fits cannot use."""
    run, i_off = result.run, number(result.quantities, "i_off_A")
    at_limit_ohm = _resistance_in_compliance(run)
    if at_limit_ohm is not None and abs(at_limit_ohm) < thresholds.short_below_ohm:
        rows = int(np.count_nonzero(run.in_compliance))
        reason = f"{rows} of {len(run)} rows are in compliance, at {at_limit_ohm:.2g} Ω"
        return "short", at_limit_ohm, reason
    if i_off.value is None:
        return "undecided", None, i_off.note or "the run has no I_off"
    return None


def _by_resistance(result: RunResult, thresholds: Thresholds) -> tuple[Verdict, str] | None:
    """Judge what is open or short by its slope; None for what lies between."""
    resistance = number(result.quantities, thresholds.resistance)
    i_off_A = number(result.quantities, "i_off_A").value or 0.0
    if resistance.value is None and resistance.extra.get("window_V") is None:
        return "undecided", resistance.note or f"the run has no {thresholds.resistance}"
    if _is_flat(resistance, thresholds):
        reason = resistance.note or f"R_s is above {thresholds.open_above_ohm:g} Ω within its error"
        if abs(i_off_A) < thresholds.open_below_A:
            return "open", reason
        return "undecided", f"{i_off_A:.3g} A flows at 0 V, but {reason}"
    if resistance.value is not None and 0 < resistance.value < thresholds.short_below_ohm:
        return "short", f"R_s is below {thresholds.short_below_ohm:g} Ω"
    return None


def _resistance_in_compliance(run: Run) -> float | None:
    """Return ΔV/ΔI between the rows at the positive and at the negative limit of the current.

    These rows enter no fit, and of a short there are few others. None where a limit was not met.
    """
    positive = run.in_compliance & (run.current_A > 0)
    negative = run.in_compliance & (run.current_A < 0)
    if not (positive.any() and negative.any()):
        return None
    up, down = (
        (float(np.median(run.voltage_V[rows])), float(np.median(run.current_A[rows])))
        for rows in (positive, negative)
    )
    return (up[0] - down[0]) / (up[1] - down[1])


def _is_flat(resistance: Quantity, thresholds: Thresholds) -> bool:
    """Tell whether the conductance is not clearly above that of an open junction.

    A slope that was looked for and is null is zero within its error.
    """
    if resistance.value is None:
        return True
    conductance_S = abs(1.0 / resistance.value)
    stderr_S = (resistance.stderr or 0.0) * conductance_S**2
    return conductance_S - _CLEAR * stderr_S < 1.0 / thresholds.open_above_ohm


def _by_offsets(result: RunResult, thresholds: Thresholds) -> tuple[Verdict, str]:
    """Judge a device that is neither open nor short by its offsets over the line's."""
    ratio_i = number(result.quantities, "offset_ratio_i")
    ratio_v = number(result.quantities, "offset_ratio_v")
    is_beyond = number(result.quantities, "v_off_V").value is None
    needed = thresholds.candidate_ratio
    sizes = " and ".join(
        f"{'at least ' if ratio.extra.get('bound') == 'lower' else ''}{ratio.value:.3g}× in {name}"
        for name, ratio in (("V", ratio_v), ("I", ratio_i))
        if ratio.value is not None
    )
    for ratio in (ratio_i,) if is_beyond else (ratio_i, ratio_v):
        if ratio.value is not None and ratio.value < needed:
            return "ohmic", f"offsets are those of the line: {sizes}, both must reach {needed:g}×"
    for ratio in (ratio_i, ratio_v):
        if ratio.value is None:
            return "undecided", ratio.note or "the run was not compared with the line"
    if ratio_v.value is not None and ratio_v.value < needed:
        return "undecided", f"offsets are {sizes}, but V_off is beyond the sweep: sweep further"
    return "candidate", f"offsets are beyond the line's: {sizes}"
