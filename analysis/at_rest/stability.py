"""Does a reading at rest stay? Mean, drift, settling, two levels, and what averaging gains.

I(t) at a fixed voltage and V(t) without current (Chowrira 2020, Fig. 1c; Katcko 2019, Methods).
Readings over time are never independent: the standard errors here know about 1/f noise and random
walks. The Allan deviation is that of D. W. Allan, Proc. IEEE 54, 221 (1966), overlapping.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from nanojunction.analysis.at_rest.noise_components import (
    FEWEST_READINGS,
    TimeNoise,
    block_means,
    time_noise,
)
from nanojunction.analysis.at_rest.telegraph import find_telegraph
from nanojunction.analysis.notation import MINUS, NO_BREAK, measured
from nanojunction.analysis.values import Array, Curve, Quantity

SURE = 5.0
"""A drift or a settling is claimed beyond this many standard errors."""

_BETTER = 6.0  # by which the logarithm of the likelihood must rise, for any of the times tried
_SETTLING = (0.02, 0.05, 0.1, 0.2)  # decay times as shares of the run
_LEAST = 1e-100  # in A or V: the square of what scatters less is no number
_EVEN = 0.2  # how far the time between readings may be off, as a share of the whole run

Unit = Literal["A", "V"]


@dataclass(frozen=True, slots=True)
class Stability:
    """What was found: quantities by the keys of the results JSON, and sentences of warning."""

    quantities: dict[str, Any]
    warnings: tuple[str, ...]


def stability(values: Array, time_s: Array | None, unit: Unit) -> Stability:
    """Return how steady readings of one quantity were; `unit` A or V begins the keys (i_, v_).

    - `i_mean_A`: the plain mean. Its `stderr` is such that the mean of another stretch of the same
      length differs from it by √2·stderr; `independent_readings` are as many as would give it.
    - `i_drift_A_per_s`: the slope of a straight line, with its `significance` (slope/stderr) and
      the `change` over the run.
    - `i_settling_s`: the decay time of an exponential approach, null where there is none.
    - `i_allan_A`: the Allan deviation over the averaging time (s), and what averaging gains.
    - `i_telegraph`: two levels between which the readings jump, an empty list where they do not.

    Without times only the mean is there; fewer than 32 readings give no standard error.
    """
    name = "i" if unit == "A" else "v"
    mean_key = f"{name}_mean_{unit}"
    mean = mean_of(values)
    if time_s is None or len(values) < FEWEST_READINGS or float(np.ptp(time_s)) <= 0.0:
        return Stability({mean_key: mean}, ())
    duration_s = float(time_s[-1] - time_s[0])
    step_s = duration_s / (len(values) - 1)
    out: dict[str, Any] = {mean_key: mean}
    drift, settling = _trend(values, time_s, unit)
    out[f"{name}_drift_{unit}_per_s"] = drift
    out[f"{name}_settling_s"] = settling
    even = np.max(np.abs(time_s - time_s[0] - step_s * np.arange(len(values)))) < _EVEN * duration_s
    if even:
        out[f"{name}_allan_{unit}"] = allan_deviation(values, step_s)
        found = find_telegraph(values, step_s, unit)
        out[f"{name}_telegraph"] = [] if found is None else [found]
        if found is not None:
            out[mean_key] = replace(mean, stderr=found.error_of_mean(duration_s))
    warnings = unsteady(out, unit)
    if not even:
        warnings.append("the readings are not evenly spaced in time: no Allan deviation")
    return Stability(out, tuple(warnings))


def unsteady(quantities: Mapping[str, Any], unit: Unit) -> list[str]:
    """Return a sentence for each way in which readings at rest did not stay, from `stability`."""
    name = "i" if unit == "A" else "v"
    symbol, found = name.upper(), []
    drift = quantities.get(f"{name}_drift_{unit}_per_s")
    settling = quantities.get(f"{name}_settling_s")
    if isinstance(settling, Quantity) and settling.value is not None:
        found.append(
            f"{symbol} settles: {_text(settling.extra['size'], unit)} decay with "
            f"{_text(settling.to_json(), 's')}; exclude the beginning, or the mean is not that of "
            "the settled junction"
        )
    elif isinstance(drift, Quantity) and drift.extra.get("significance", 0.0) >= SURE:
        found.append(
            f"{symbol} drifts by {_text(drift.extra['change'], unit)} over the run, "
            f"{drift.extra['significance']:.2g} standard errors"
        )
    for telegraph in quantities.get(f"{name}_telegraph", ()):
        low, high = (_text(level.to_json(), unit) for level in (telegraph.low, telegraph.high))
        found.append(
            f"{symbol} jumps between two levels, {low} and {high}, {telegraph.switches} times: "
            "its mean is none of them"
        )
    return found


def mean_of(values: Array) -> Quantity:
    """Return the mean of readings over time; its standard error knows about correlated noise."""
    if len(values) == 0:
        return Quantity(None, note="no row out of compliance")
    mean = float(np.mean(values))
    if len(values) < FEWEST_READINGS:
        return Quantity(mean, None, "too few rows for a standard error that counts drifts")
    if float(np.ptp(values)) <= _LEAST:
        return Quantity(mean, None, "all readings are the same: nothing tells their error")
    blocks = block_means(values)
    if not _scatter(blocks, values):
        return Quantity(mean, float(np.std(values, ddof=1)) / math.sqrt(len(values)))
    noise = time_noise(blocks, np.empty((0, 0)))
    variance = noise.mean_variance
    independent = min(float(np.var(values, ddof=1)) / variance, float(len(values)))
    return Quantity(mean, math.sqrt(variance), extra={"independent_readings": independent})


def _scatter(blocks: Array, values: Array) -> bool:
    """Tell whether block means differ: of readings that alternate between two they may not."""
    extent = float(np.ptp(values))
    return extent > _LEAST and float(np.ptp(blocks)) > 1e-9 * extent


def _trend(values: Array, time_s: Array, unit: Unit) -> tuple[Quantity, Quantity]:
    """Return the drift per second and the decay time of a settling."""
    blocks, at = block_means(values), block_means(time_s - time_s[0])
    if not _scatter(blocks, values):
        missing = Quantity(None, note="the means of blocks of readings do not differ")
        return missing, missing
    span = float(time_s[-1] - time_s[0])
    shapes = np.array([at / span, *(np.exp(-at / (share * span)) for share in _SETTLING)])
    noise = time_noise(blocks, shapes)
    change, error = float(noise.slopes[0]), math.sqrt(float(noise.slope_variances[0]))
    drift = Quantity(
        change / span,
        error / span,
        extra={
            "significance": abs(change) / error,
            "change": Quantity(change, error).to_json(),
            "change_unit": unit,
        },
    )
    return drift, _settling(noise, span, unit)


def _settling(noise: TimeNoise, span_s: float, unit: Unit) -> Quantity:
    """Return the decay time; it counts only where neither a line nor noise would do as well."""
    decays = slice(1, None)
    likely = noise.log_likelihoods[decays]
    best = int(np.argmax(likely))
    size = float(noise.slopes[decays][best])
    error = math.sqrt(float(noise.slope_variances[decays][best]))
    rise = float(likely[best]) - max(noise.log_likelihood_without, float(noise.log_likelihoods[0]))
    if abs(size) < SURE * error or rise < _BETTER:
        return Quantity(None, note="no settling beyond the noise and a steady drift")
    weight = np.exp(likely - likely[best])
    times = np.log(np.array(_SETTLING) * span_s)
    mean = float(weight @ times / np.sum(weight))
    width = math.sqrt(float(weight @ (times - mean) ** 2 / np.sum(weight)))
    # The times tried lie a factor of two apart: none is known better than a quarter of it.
    stderr = math.exp(mean) * math.hypot(width, 0.25 * math.log(2.0))
    extra = {"size": Quantity(size, error).to_json(), "size_unit": unit}
    return Quantity(math.exp(mean), stderr, extra=extra)


def _text(number: Mapping[str, Any], unit: str) -> str:
    """Return a value with its uncertainty and unit, in letters that consoles have."""
    quantity = Quantity(number["value"], number["stderr"])
    return (measured(quantity, unit) or "?").replace(NO_BREAK, " ").replace(MINUS, "-")


def allan_deviation(values: Array, step_s: float) -> Curve:
    """Return the overlapping Allan deviation of evenly spaced readings over averaging time (s).

    Averages are of 1, 2, 4, … readings, up to a quarter of the run; `stderr` follows from the
    number of independent pairs of averages. `extra` has `best_s`, the longest averaging that still
    helps, `gain`, by how much less a mean over it scatters than a reading, and `text` that says
    so. Raises ValueError for fewer than 8 readings or a step that is not above zero.
    """
    count = len(values)
    if count < 8 or not step_s > 0.0:
        raise ValueError("an Allan deviation needs eight readings and a time between them")
    sizes = [2**k for k in range(int(math.log2(count // 4)) + 1)]
    total = np.concatenate([[0.0], np.cumsum(values - np.mean(values))])
    deviation = []
    for size in sizes:
        second = total[2 * size :] - 2.0 * total[size:-size] + total[: -2 * size]
        deviation.append(math.sqrt(0.5 * float(np.mean((second / size) ** 2))))
    tau, y = np.array(sizes) * step_s, np.array(deviation)
    stderr = y / np.sqrt(2.0 * (count / np.array(sizes) - 1.0))
    return Curve(tau, y, stderr, extra=_gain(tau, y, stderr))


def _gain(tau_s: Array, deviation: Array, stderr: Array) -> dict[str, Any]:
    """Say how long averaging helps: as long as the deviation falls beyond its error."""
    best = 0
    for at in range(1, len(tau_s)):
        if deviation[at] + stderr[at] < deviation[best]:
            best = at
    gain = float(deviation[0] / deviation[best]) if deviation[best] > 0.0 else 1.0
    as_white = deviation[best] * np.sqrt(tau_s[best] / tau_s[best:])
    is_white = bool(np.all(deviation[best:] - 2.0 * stderr[best:] <= as_white))
    scatters = f"a mean over {tau_s[best]:.3g} s scatters {gain:.2g} times less than a reading"
    if is_white:
        text = f"averaging helps as long as was measured: {scatters}"
    elif best == 0:
        text = "averaging gains nothing: the readings wander as much as they scatter"
    else:
        text = f"averaging helps up to {tau_s[best]:.3g} s: {scatters}, longer means gain no more"
    return {"best_s": float(tau_s[best]), "gain": gain, "text": text}
