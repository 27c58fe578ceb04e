"""Ratios of two states' currents over voltage: TMR(V), MC(V), their peak and sign reversals.

TMR = I_P/I_AP − 1 (Katcko 2019, Fig. 2e); MC = I(H_P)/I(0 T) − 1 (Chowrira 2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from nanojunction.analysis.averages import ratio_minus_one
from nanojunction.analysis.field.currents import common_grid, current_at, voltage_legs
from nanojunction.analysis.field.sign_reversal import TwoCurrents, find_windows
from nanojunction.analysis.iv.peaks import PeakShape, fit_peak
from nanojunction.analysis.run import Run
from nanojunction.analysis.values import Array, Curve, Quantity

MASK_BELOW = 3.0
"""A ratio is masked where its denominator is below this many standard errors."""


@dataclass(frozen=True, slots=True, eq=False)
class CurrentPair:
    """The currents of the parallel and of the reference state on one grid of voltages.

    `syst_A` is the current that the measuring line's voltage offset drives through the junction,
    0 where no calibration is given: it widens the mask, never the statistical error.
    """

    voltage_V: Array
    parallel_A: Array
    parallel_err_A: Array
    reference_A: Array
    reference_err_A: Array
    syst_A: float = 0.0


def current_pair(
    parallel: Sequence[Run], reference: Sequence[Run], *, syst_A: float = 0.0
) -> CurrentPair:
    """Return both states' mean currents at common voltages, with their standard errors.

    Raises ValueError where a state has no usable leg or the voltages do not overlap.
    """
    sides = [voltage_legs(parallel), voltage_legs(reference)]
    for name, legs in zip(("parallel", "reference"), sides, strict=True):
        if not legs:
            raise ValueError(f"no I(V) leg of the {name} state has three voltages")
    grid = common_grid(*sides)
    if len(grid) < 3:
        raise ValueError("the I(V) of the two states have fewer than three voltages in common")
    (first, first_err), (second, second_err) = (current_at(legs, grid) for legs in sides)
    known = np.isfinite(first) & np.isfinite(second)
    return CurrentPair(
        grid[known], first[known], first_err[known], second[known], second_err[known], syst_A
    )


def ratio_curve(pair: CurrentPair) -> Curve:
    """Return I_P/I_ref − 1 over V; y and stderr are NaN where I_ref is zero within its error.

    `stderr` is statistical. The mask counts the line's offset into the error of the denominator.
    """
    ratio, stderr = ratio_minus_one(
        pair.parallel_A, pair.parallel_err_A, pair.reference_A, pair.reference_err_A
    )
    masked = denominator_is_zero(pair)
    note = None
    if np.any(masked):
        note = (
            f"{int(np.sum(masked))} of {len(masked)} points are masked: the denominator is zero "
            f"within {MASK_BELOW:g} standard errors"
            + (" and the line's offset" if pair.syst_A else "")
        )
    return Curve(
        pair.voltage_V,
        np.where(masked, np.nan, ratio),
        np.where(masked, np.nan, stderr),
        note,
    )


def denominator_is_zero(pair: CurrentPair) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell where the reference current is below three standard errors and the line's offset."""
    error = MASK_BELOW * pair.reference_err_A + pair.syst_A
    return np.asarray(np.abs(pair.reference_A) <= error)


def ratio_peak(pair: CurrentPair, curve: Curve) -> dict[str, Quantity]:
    """Return the highest peak of a ratio above zero: position, height and full width (V).

    `fwhm_V` is measured at half of the height above TMR = 0, `fwhm_local_V` above the straight
    line through the lowest points on both sides within two widths. A maximum counts only if the
    ratio falls to half of it on both sides before the denominator reaches zero.
    """
    best: PeakShape | None = None
    for start, stop in _stretches(pair, curve):
        found = fit_peak(curve.x[start:stop], curve.y[start:stop], curve.stderr[start:stop])
        if found is not None and (best is None or _height(found) > _height(best)):
            best = found
    if best is None:
        note = "no maximum falls to half of its height on both sides of it"
        keys = ("position_V", "height", "fwhm_V", "fwhm_local_V")
        return {key: Quantity(None, note=note) for key in keys}
    return {
        "position_V": best.position,
        "height": best.height,
        "fwhm_V": best.fwhm,
        "fwhm_local_V": best.fwhm_local,
    }


def _height(shape: PeakShape) -> float:
    return shape.height.value or 0.0


def _stretches(pair: CurrentPair, curve: Curve) -> list[tuple[int, int]]:
    """Return [start, stop) of neighbouring points between masks and zeros of the denominator."""
    known = np.isfinite(curve.y)
    sign = np.sign(pair.reference_A)
    cut = np.flatnonzero(~known[1:] | ~known[:-1] | (sign[1:] != sign[:-1])) + 1
    edges = [0, *cut.tolist(), len(known)]
    return [(a, b) for a, b in pairwise(edges) if b - a >= 5 and known[a]]


def sign_reversals(pair: CurrentPair) -> list[dict[str, Any]]:
    """Return the voltage windows in which the two currents have opposite signs (ratio < −1).

    `sign_reversal.find_windows` says what each has.
    """
    return find_windows(
        TwoCurrents(
            pair.voltage_V,
            {"parallel": pair.parallel_A, "reference": pair.reference_A},
            {"parallel": pair.parallel_err_A, "reference": pair.reference_err_A},
            pair.syst_A,
        )
    )


def julliere(ratio: Quantity, *, same_sign: bool, source: str) -> Quantity:
    """Return |P| = sqrt(x/(x + 2)) from the ratio x that is positive (Jullière 1975).

    Two electrodes of equal polarisation are assumed, and named in `extra`. `same_sign` tells the
    sign of P1·P2, `source` which ratio x is. Null where x is missing or not above zero.
    """
    extra = {
        "ratio": source,
        "product_sign": 1 if same_sign else -1,
        "assumption": "two electrodes of equal polarisation",
    }
    x = ratio.value
    if x is None or x <= 0:
        reason = ratio.note if x is None else f"{source} is not above zero"
        return Quantity(None, note=reason, extra=extra)
    if ratio.stderr is not None and x <= 3.0 * ratio.stderr:
        reason = f"{source} is zero within 3 standard errors: its root would be a claim"
        return Quantity(None, note=reason, extra=extra)
    polarisation = math.sqrt(x / (x + 2.0))
    if ratio.stderr is None:
        return Quantity(polarisation, None, ratio.note, extra=extra)
    return Quantity(
        polarisation, ratio.stderr / (polarisation * (x + 2.0) ** 2), ratio.note, extra=extra
    )
