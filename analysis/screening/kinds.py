"""Whether a junction is metallic or semiconducting, by temperature or by bias.

Chowrira 2020: A and C are metallic (linear I(V), R_s hardly changes with temperature), B is
semiconducting (R_s falls with temperature and with bias).
"""

from __future__ import annotations

import numpy as np

from nanojunction.analysis.calibration import number
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.story import Story
from nanojunction.analysis.screening.thresholds import Thresholds
from nanojunction.analysis.screening.verdicts import Kind

_INNER = 1.0 / 3.0


def kind_of(story: Story, thresholds: Thresholds) -> tuple[Kind | None, str]:
    """Return the kind of a junction and the ground for it in words; None where it is not told."""
    swept = story.measured("short_iv", "wide_iv", "repeats")
    by_temperature = _by_temperature([*swept, *story.measured("temperature")], thresholds)
    if by_temperature is not None:
        return by_temperature
    found = [one for one in (_conductance_ratio(result.run) for result in swept) if one]
    if not found:
        return None, "its kind is not told: no sweep reaches both signs of the voltage"
    reach_V, ratio = max(found)
    what = (
        f"over ±{reach_V * 1e3:.3g} mV it conducts {ratio:.3g} times as well as over a third of it"
    )
    if ratio >= thresholds.semiconducting_ratio:
        return "semiconducting", what
    return "metallic", what


def _by_temperature(
    results: list[RunResult], thresholds: Thresholds
) -> tuple[Kind | None, str] | None:
    """Judge by R_s at the lowest and the highest temperature, where they are 10 % apart."""
    known = sorted(
        (kelvin, ohm)
        for one in results
        if (kelvin := one.run.conditions.temperature_K) is not None
        and (ohm := number(one.quantities, "r_s_ohm").value) is not None
        and ohm > 0
    )
    if len(known) < 2 or known[-1][0] < 1.1 * known[0][0]:
        return None
    (cold_K, cold_ohm), (warm_K, warm_ohm) = known[0], known[-1]
    what = f"R_s is {cold_ohm:.4g} Ω at {cold_K:.4g} K and {warm_ohm:.4g} Ω at {warm_K:.4g} K"
    falls = cold_ohm >= thresholds.semiconducting_ratio * warm_ohm
    return ("semiconducting" if falls else "metallic"), what


def _conductance_ratio(run: Run) -> tuple[float, float] | None:
    """Return how far (V) a sweep goes to both sides, and how its mean conductance rises with it.

    That over the whole range, in units of that over the inner third.
    """
    free = ~run.in_compliance
    v, i = run.voltage_V[free], run.current_A[free]
    if len(v) < 4:
        return None
    reach_V = float(min(np.max(v), -np.min(v)))
    if reach_V <= 0.0:
        return None
    whole, inner = (_mean_conductance(v, i, reach_V * share) for share in (1.0, _INNER))
    return None if whole is None or not inner else (reach_V, whole / inner)


def _mean_conductance(v: np.ndarray, i: np.ndarray, reach_V: float) -> float | None:
    """Return the slope of a straight line through what lies within ± `reach_V`."""
    near = np.abs(v) <= 1.001 * reach_V
    if np.count_nonzero(near) < 3 or float(np.ptp(v[near])) == 0.0:
        return None
    return float(np.polyfit(v[near], i[near], 1)[0])
