"""What the current at V = 0 says of a junction that seems to generate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nanojunction.analysis.calibration import number
from nanojunction.analysis.notation import in_words
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.thresholds import Thresholds

_SURE = 5.0  # standard errors


@dataclass(frozen=True, slots=True)
class AtZero:
    """Whether the current at V = 0 speaks against a candidate, and what it is, in words."""

    unstable: bool
    reason: str


def unsteady_at_zero(result: RunResult, i_off_A: float, thresholds: Thresholds) -> AtZero:
    """Return what I(t) at V = 0 says, beside the largest I_off of the sweeps (A).

    Unstable: less than `at_rest_share` of the sweep's current is there, or its sign is another;
    two levels further apart than `telegraph_share`; a drift over the run above `drift_share`.
    """
    mean = number(result.quantities, "i_mean_A")
    if mean.value is None:
        return AtZero(False, f"at V = 0: {mean.note}")
    flows = f"at V = 0 {in_words(mean.value, 'A')} flows"
    size_A = abs(mean.value)
    swept = f"{in_words(i_off_A, 'A')} in a sweep"
    if size_A < thresholds.at_rest_share * abs(i_off_A):
        return AtZero(True, f"{flows}, less than {thresholds.at_rest_share:.0%} of {swept}")
    if mean.value * i_off_A < 0:
        return AtZero(True, f"{flows}, of another sign than {swept}")
    found: Mapping[str, Any] = result.quantities
    for telegraph in found.get("i_telegraph", ()):
        apart_A = abs((telegraph.high.value or 0.0) - (telegraph.low.value or 0.0))
        if apart_A > max(thresholds.telegraph_share * size_A, thresholds.open_below_A):
            low, high = (in_words(one.value, "A") for one in (telegraph.low, telegraph.high))
            return AtZero(True, f"{flows} on average, jumping between {low} and {high}")
    drift = number(result.quantities, "i_drift_A_per_s")
    change_A = float((drift.extra.get("change") or {}).get("value") or 0.0)
    sure = drift.extra.get("significance", 0.0) >= _SURE
    if sure and abs(change_A) > max(thresholds.drift_share * size_A, thresholds.open_below_A):
        return AtZero(True, f"{flows} and drifts by {in_words(change_A, 'A')} over the run")
    duration = f", and drifts by {in_words(change_A, 'A')} over the run" if sure else ", steadily"
    return AtZero(False, f"{flows}{duration}")
