"""Means of repeated values and ratios of two values, with their standard errors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nanojunction.analysis.values import Array, Quantity

_DEFINITION = ("convention", "window_V")


def weighted_mean(values: Sequence[Quantity]) -> Quantity:
    """Return the mean of repeated values, weighted with 1/stderr².

    Values without a number do not enter. Where the repeats scatter more than their standard
    errors, the error of the mean grows by that factor (Birge 1932); where an error is unknown or
    zero, all weigh the same and the scatter alone gives the error. `extra` keeps a common
    convention and window, and has `repeats`,
    `scatter` (standard deviation) and `scatter_over_stderr`, null where they are not determined.
    """
    usable = [item for item in values if item.value is not None]
    if not usable:
        return Quantity(None, note=_reason(values))
    x = np.array([item.value for item in usable], dtype=float)
    s = np.array([item.stderr or math.nan for item in usable], dtype=float)
    count = len(x)
    scatter = float(np.std(x, ddof=1)) if count > 1 else None
    if np.all(s > 0):
        weights = s**-2 / np.sum(s**-2)
        mean = float(np.sum(weights * x))
        ratio = math.sqrt(float(np.sum(((x - mean) / s) ** 2)) / (count - 1)) if count > 1 else None
        stderr: float | None = float(np.sum(s**-2) ** -0.5) * max(1.0, ratio or 0.0)
    else:
        mean, ratio = float(np.mean(x)), None
        stderr = scatter / math.sqrt(count) if scatter is not None else None
    note = None if stderr is not None else "a single value without a standard error"
    if count < len(values):
        missing = f"{len(values) - count} of {len(values)} repeats have no value"
        note = missing if note is None else f"{note}; {missing}"
    extra: dict[str, object] = {
        key: usable[0].extra[key]
        for key in _DEFINITION
        if all(item.extra.get(key) == usable[0].extra.get(key, math.nan) for item in usable)
    }
    extra.update(repeats=count, scatter=scatter, scatter_over_stderr=ratio)
    return Quantity(mean, stderr, note, extra=extra)


def _reason(values: Sequence[Quantity]) -> str:
    return next((item.note for item in values if item.note), "no run has this quantity")


def ratio_minus_one(
    numerator: Array, numerator_err: Array, denominator: Array, denominator_err: Array
) -> tuple[Array, Array]:
    """Return numerator/denominator − 1 and its standard error (first order, independent)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = numerator / denominator
        stderr = np.hypot(numerator_err, ratio * denominator_err) / np.abs(denominator)
    return np.asarray(ratio - 1.0), np.asarray(stderr)


def ratio_of(numerator: Quantity, denominator: Quantity) -> Quantity:
    """Return numerator/denominator − 1; null where the denominator is below 3 stderr."""
    if numerator.value is None or denominator.value is None:
        missing = denominator if denominator.value is None else numerator
        return Quantity(None, note=missing.note or "a value is missing")
    if abs(denominator.value) <= 3 * (denominator.stderr or 0.0):
        return Quantity(None, note="the denominator is zero within 3 standard errors")
    value, stderr = ratio_minus_one(
        *(
            np.array(item, dtype=float)
            for item in (
                numerator.value,
                numerator.stderr if numerator.stderr is not None else math.nan,
                denominator.value,
                denominator.stderr if denominator.stderr is not None else math.nan,
            )
        )
    )
    if math.isnan(float(stderr)):
        return Quantity(float(value), None, "a standard error that it rests on is unknown")
    return Quantity(float(value), float(stderr))
