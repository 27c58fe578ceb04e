"""The current of an I(H) at one field: of a leg, and as the mean of several legs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanojunction.analysis.averages import weighted_mean
from nanojunction.analysis.field.loops import Direction, FieldLeg
from nanojunction.analysis.notation import in_words
from nanojunction.analysis.values import Quantity

_REACH = 0.25

Rows = np.ndarray[Any, np.dtype[np.intp]]


@dataclass(frozen=True, slots=True)
class Level:
    """The current at a field, and the sensed voltage over the same rows."""

    current_A: Quantity
    voltage_V: Quantity
    rows: int


def level_at(leg: FieldLeg, field_T: float) -> Level | None:
    """Return the current of a leg at a field, None where the leg does not reach it.

    The mean over rows on both sides of the field, on each side as far as the current stands
    (Lepski's rule), so that a plateau is used although the field may lie at its edge. Where the
    sides differ or the current does not stand, the current is interpolated between the two
    nearest rows, and the error contains what may happen between them.
    """
    span = float(np.ptp(leg.field_T))
    right = int(np.searchsorted(leg.field_T, field_T))
    nearest = min(max(right - 1, 0), right, key=lambda k: _distance(leg, k, field_T))
    step = span / (len(leg.field_T) - 1)
    if _distance(leg, nearest, field_T) > max(2.0 * step, 0.01 * span):
        return None
    reach = max(1, round(_REACH * span / step))
    below = np.arange(right - 1, max(right - 1 - reach, -1), -1)
    above = np.arange(right, min(right + reach, len(leg.field_T)))
    sides = [_standing(leg, rows) for rows in (below, above) if len(rows)]
    if len(sides) == 2:
        first, second = (float(np.mean(leg.current_A[rows])) for rows in sides)
        error = leg.noise_A * math.sqrt(sum(1.0 / len(rows) for rows in sides))
        if abs(first - second) > 3.0 * error:
            near = [abs(float(leg.field_T[rows[0]]) - field_T) for rows in sides]
            if min(near) > 0.1 * step:
                return _interpolated(leg, right, field_T)
            sides = [sides[int(np.argmin(near))]]
    rows = np.concatenate(sides)
    root = math.sqrt(len(rows))
    return Level(
        Quantity(float(np.mean(leg.current_A[rows])), leg.noise_A / root),
        Quantity(float(np.mean(leg.voltage_V[rows])), leg.noise_V / root),
        len(rows),
    )


def _distance(leg: FieldLeg, row: int, field_T: float) -> float:
    return abs(float(leg.field_T[row]) - field_T) if row < len(leg.field_T) else math.inf


def _standing(leg: FieldLeg, rows: Rows) -> Rows:
    """Return the first rows, nearest first, over which the mean current does not change."""
    sizes = [1]
    while sizes[-1] < len(rows):
        sizes.append(min(math.ceil(1.4 * sizes[-1]), len(rows)))
    means = np.cumsum(leg.current_A[rows])[np.array(sizes) - 1] / sizes
    for wide in range(1, len(sizes)):
        # Nested means: the variance of the difference is the difference of the variances.
        spread = [leg.noise_A * math.sqrt(1 / sizes[k] - 1 / sizes[wide]) for k in range(wide)]
        if np.any(np.abs(means[:wide] - means[wide]) > 2.0 * np.array(spread)):
            # A change is seen only once it exceeds the noise: half of the rows are free of it.
            return rows[: max(1, sizes[wide - 1] // 2)]
    return rows


def _interpolated(leg: FieldLeg, right: int, field_T: float) -> Level:
    low, high = right - 1, right
    width = float(leg.field_T[high] - leg.field_T[low])
    share = (field_T - float(leg.field_T[low])) / width
    noise = math.hypot(share, 1.0 - share)
    change = float(leg.current_A[high] - leg.current_A[low])
    between = abs(change) * min(share, 1.0 - share) / math.sqrt(3.0)
    voltage = (1 - share) * leg.voltage_V[low] + share * leg.voltage_V[high]
    return Level(
        Quantity(
            float(leg.current_A[low]) + share * change, math.hypot(noise * leg.noise_A, between)
        ),
        Quantity(float(voltage), noise * leg.noise_V),
        2,
    )


def combine_levels(levels: Sequence[tuple[Direction, Quantity]], unit: str) -> Quantity:
    """Return the mean over repeats, then over both directions with equal weight.

    `unit` is that of the levels, for the reason. Null with the reason where the directions differ
    by more than five standard errors and by more than 2 % of the larger one: such a value depends
    on the side from which it is approached.
    """
    means = {
        direction: weighted_mean([q for side, q in levels if side == direction])
        for direction in dict.fromkeys(side for side, _ in levels)
    }
    if not means:
        return Quantity(None, note="no leg reaches this field")
    if len(means) == 1:
        direction, mean = next(iter(means.items()))
        way = "rising" if direction == "up" else "falling"
        return Quantity(mean.value, mean.stderr, f"with the field {way} only")
    (a, sa), (b, sb) = ((q.value or 0.0, q.stderr or 0.0) for q in means.values())
    error = math.hypot(sa, sb)
    if abs(a - b) > max(5.0 * error, 0.02 * max(abs(a), abs(b))):
        return Quantity(
            None,
            note="depends on the direction of the field: "
            f"{in_words(means['up'].value or 0.0, unit)} with the field rising, "
            f"{in_words(means['down'].value or 0.0, unit)} falling",
        )
    return Quantity(0.5 * (a + b), 0.5 * max(error, abs(a - b)))
