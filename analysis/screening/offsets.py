"""Whether the offsets of an I(V) are beyond those of the measuring line.

Chowrira 2020: a junction counts if both of its offsets are at least ten times those of the
measuring line on a calibrated resistance of similar amplitude.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nanojunction.analysis.calibration import MeasuringLine, against_line, number
from nanojunction.analysis.notation import times
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.thresholds import Thresholds
from nanojunction.analysis.values import Quantity

Comparison = Literal["beyond", "within", "further", "unclear"]

_NEAR = 2.0  # standard errors within which a ratio may yet reach the threshold


_NO_LINE = "its offsets cannot be judged: no known resistor tells what those of the line are"


@dataclass(frozen=True, slots=True)
class Offsets:
    """Both ratios to the line's offsets, and what follows from them.

    `beyond`: both reach the threshold. `within`: one does not. `further`: V_off is beyond the
    sweep, and so far only its ratio is missing. `unclear`: it cannot be told. `is_near` says that a
    ratio falls short of the threshold by no more than twice its standard error.
    """

    comparison: Comparison
    reason: str
    ratio_v: Quantity
    ratio_i: Quantity
    is_near: bool = False


def offsets(result: RunResult, line: MeasuringLine | None, thresholds: Thresholds) -> Offsets:
    """Return how the offsets of an I(V) compare with the line's.

    Without `line` the result must have been compared before.
    """
    if line is not None:
        result = against_line(result, line)
    ratio_i = number(result.quantities, "offset_ratio_i")
    ratio_v = number(result.quantities, "offset_ratio_v")
    if line is None and "offset_ratio_i" not in result.quantities:
        return Offsets("unclear", _NO_LINE, ratio_v, ratio_i)
    is_beyond = number(result.quantities, "v_off_V").value is None
    comparison, reason = _compared(ratio_v, ratio_i, thresholds, is_beyond=is_beyond)
    near = all(
        ratio.value is not None
        and ratio.value + _NEAR * (ratio.stderr or 0.0) >= thresholds.candidate_ratio
        for ratio in (ratio_v, ratio_i)
    )
    return Offsets(comparison, reason, ratio_v, ratio_i, near)


def _compared(
    ratio_v: Quantity, ratio_i: Quantity, thresholds: Thresholds, *, is_beyond: bool
) -> tuple[Comparison, str]:
    needed = thresholds.candidate_ratio
    sizes = " and ".join(
        ("at least " if ratio.extra.get("bound") == "lower" else "")
        + f"{times(ratio.value)} in {name}"
        for name, ratio in (("V", ratio_v), ("I", ratio_i))
        if ratio.value is not None
    )
    for ratio in (ratio_i,) if is_beyond else (ratio_i, ratio_v):
        if ratio.value is not None and ratio.value < needed and not _may_be_more(ratio):
            return "within", f"offsets are those of the line: {sizes}, both must reach {needed:g}×"
    for ratio in (ratio_i, ratio_v):
        if ratio.value is None:
            return "unclear", ratio.note or "the run was not compared with the line"
    if is_beyond and ratio_v.value is not None and ratio_v.value < needed:
        return "further", f"offsets are {sizes}, but V_off is beyond the sweep: sweep further"
    if min(ratio_i.value or 0.0, ratio_v.value or 0.0) < needed:
        reason = "the line's own are zero within their errors: calibrate it with more repeats"
        return "unclear", f"offsets are {sizes}, and {reason}"
    return "beyond", f"offsets are beyond the line's: {sizes}"


def _may_be_more(ratio: Quantity) -> bool:
    """Tell whether a lower bound leaves open how large the ratio is.

    Below 1 the offset is not larger than what the line's may be: nothing speaks for the junction.
    """
    return ratio.extra.get("bound") == "lower" and (ratio.value or 0.0) >= 1.0
