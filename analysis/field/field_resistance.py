"""R_s(H) from two I(H) runs at different sensed voltages (Chowrira 2020, Fig. 3c)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.averages import weighted_mean
from nanojunction.analysis.field.levels import combine_levels, level_at
from nanojunction.analysis.field.loops import Direction, FieldLeg
from nanojunction.analysis.notation import in_words
from nanojunction.analysis.values import Array, Curve, Quantity

MASK_BELOW = 3.0
"""R_s(H) is masked where ΔI is below this many standard errors."""

SWITCHING = 0.1
"""It is masked, too, where not knowing the field to a step leaves more than this share of ΔI open.

Two loops never switch at exactly the same field: between, one is in each state.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """The legs of all I(H) runs at one sensed voltage."""

    voltage_V: float
    legs: tuple[FieldLeg, ...]

    def sides(self, direction: Direction) -> list[FieldLeg]:
        """Return the legs swept in one direction."""
        return [leg for leg in self.legs if leg.direction == direction]


def loops_by_voltage(legs: Sequence[FieldLeg]) -> list[Loop]:
    """Return one loop a voltage from the legs of I(H) runs, in order of voltage.

    Equal voltages are repeats: those that differ by less than three times the noise of a reading,
    or by less than 0.1 % of the largest.
    """
    pool = sorted(legs, key=lambda leg: float(np.mean(leg.voltage_V)))
    if not pool:
        return []
    size = max(float(np.max(np.abs(leg.voltage_V))) for leg in pool)
    groups: list[list[FieldLeg]] = []
    for leg in pool:
        near = max(3.0 * leg.noise_V, 1e-3 * size)
        same = groups and np.mean(leg.voltage_V) - np.mean(groups[-1][0].voltage_V) <= near
        if same:
            groups[-1].append(leg)
        else:
            groups.append([leg])
    return [
        Loop(float(np.mean([np.mean(leg.voltage_V) for leg in group])), tuple(group))
        for group in groups
    ]


def parallel_field(loops: Sequence[Loop]) -> float:
    """Return the field (T) of the largest |H| that all loops reach; of two equal ends the lower.

    The lower end is H_P in both papers: −0.5 T and −2000 Oe.
    """
    legs = [leg for loop in loops for leg in loop.legs]
    low = max(float(leg.field_T[0]) for leg in legs)
    high = min(float(leg.field_T[-1]) for leg in legs)
    return low if -low >= 0.98 * high else high


def current_level(loop: Loop, field_T: float, approach: Direction | None = None) -> Quantity:
    """Return the current of a loop at a field: mean over repeats, then over both directions.

    With `approach`, of that direction only.
    """
    levels = [
        (leg.direction, level.current_A)
        for leg in loop.legs
        if approach in (None, leg.direction) and (level := level_at(leg, field_T)) is not None
    ]
    return combine_levels(levels, "A")


def widest_pair(loops: Sequence[Loop]) -> tuple[Loop, Loop]:
    """Return the loops of the lowest and of the highest voltage.

    Raises ValueError where there are fewer than two voltages.
    """
    if len(loops) < 2:
        raise ValueError("R_s(H) needs I(H) at two different voltages")
    return loops[0], loops[-1]


def resistance_level(
    pair: tuple[Loop, Loop], field_T: float, approach: Direction | None = None
) -> Quantity:
    """Return R_s (Ω) at a field: (V2 − V1)/(I2 − I1) within each direction, then their mean.

    With `approach`, of that direction only.
    """
    found: list[tuple[Direction, Quantity]] = []
    directions: tuple[Direction, ...] = ("up", "down") if approach is None else (approach,)
    for direction in directions:
        ends = []
        for loop in pair:
            levels = [level_at(leg, field_T) for leg in loop.sides(direction)]
            reached = [level for level in levels if level is not None]
            if reached:
                ends.append(
                    (
                        weighted_mean([level.voltage_V for level in reached]),
                        weighted_mean([level.current_A for level in reached]),
                    )
                )
        if len(ends) == 2:
            quantity = _slope(*ends[0], *ends[1])
            if quantity.value is None:
                return quantity
            found.append((direction, quantity))
    if not found:
        return Quantity(
            None, note=f"no pair of legs in one direction reaches {in_words(field_T, 'T')}"
        )
    return combine_levels(found, "Ω")


def _slope(v1: Quantity, i1: Quantity, v2: Quantity, i2: Quantity) -> Quantity:
    dv = (v2.value or 0.0) - (v1.value or 0.0)
    di = (i2.value or 0.0) - (i1.value or 0.0)
    dv_err = math.hypot(v1.stderr or 0.0, v2.stderr or 0.0)
    di_err = math.hypot(i1.stderr or 0.0, i2.stderr or 0.0)
    if abs(di) <= MASK_BELOW * di_err or di == 0.0:
        return Quantity(None, note="the difference of the currents is zero within 3 stderr")
    value = dv / di
    return Quantity(value, math.hypot(dv_err, value * di_err) / abs(di))


def resistance_curves(pair: tuple[Loop, Loop]) -> list[Curve]:
    """Return R_s over H (T, Ω), one curve a direction that both loops have.

    The grid is the field of the first loop's first leg, thinned to the second's density; the
    other legs are interpolated linearly. y is NaN where ΔI is zero within its error, and where a
    loop switches.
    """
    curves = []
    directions: tuple[Direction, ...] = ("up", "down")
    for direction in directions:
        sides = [loop.sides(direction) for loop in pair]
        if not all(sides):
            continue
        grid = _field_grid([leg for side in sides for leg in side])
        if len(grid) < 2:
            continue
        (v1, v1_err, i1, i1_err), (v2, v2_err, i2, i2_err) = (_mean_on(s, grid) for s in sides)
        dv, di = v2 - v1, i2 - i1
        between = np.hypot(*(_within_a_step(side, grid) for side in sides))
        dv_err, di_err = np.hypot(v1_err, v2_err), np.hypot(np.hypot(i1_err, i2_err), between)
        masked = (np.abs(di) <= MASK_BELOW * di_err) | (between > SWITCHING * np.abs(di))
        with np.errstate(divide="ignore", invalid="ignore"):
            y = np.where(masked, np.nan, dv / di)
            stderr = np.where(masked, np.nan, np.hypot(dv_err, y * di_err) / np.abs(di))
        note = (
            f"{int(np.sum(masked))} points masked: ΔI is zero within 3 stderr, or a loop switches"
        )
        extra = {"direction": direction, "voltages_V": [loop.voltage_V for loop in pair]}
        curves.append(Curve(grid, y, stderr, note if np.any(masked) else None, extra=extra))
    return curves


def _within_a_step(legs: Sequence[FieldLeg], grid: Array) -> Array:
    """Return the uncertainty of the current where the field is known to a step of the grid."""
    step = np.gradient(grid)
    change = [
        np.interp(grid + step, leg.field_T, leg.current_A)
        - np.interp(grid - step, leg.field_T, leg.current_A)
        for leg in legs
    ]
    return np.asarray(np.abs(np.mean(change, axis=0)) / math.sqrt(12.0))


def _field_grid(legs: Sequence[FieldLeg]) -> Array:
    low = max(float(leg.field_T[0]) for leg in legs)
    high = min(float(leg.field_T[-1]) for leg in legs)
    shared = [np.unique(leg.field_T[(leg.field_T >= low) & (leg.field_T <= high)]) for leg in legs]
    return min(shared, key=len)


def _mean_on(legs: Sequence[FieldLeg], grid: Array) -> tuple[Array, Array, Array, Array]:
    """Return mean voltage and current of legs on a grid of fields, with their errors."""
    share = 1.0 / len(legs)
    voltage = np.mean([np.interp(grid, leg.field_T, leg.voltage_V) for leg in legs], axis=0)
    current = np.mean([np.interp(grid, leg.field_T, leg.current_A) for leg in legs], axis=0)
    weight = np.array([_interpolation_variance(leg, grid) for leg in legs])
    noise_v = np.array([leg.noise_V for leg in legs])[:, None]
    noise_i = np.array([leg.noise_A for leg in legs])[:, None]
    return (
        voltage,
        share * np.sqrt(np.sum(weight * noise_v**2, axis=0)),
        current,
        share * np.sqrt(np.sum(weight * noise_i**2, axis=0)),
    )


def _interpolation_variance(leg: FieldLeg, grid: Array) -> Array:
    """Return the variance of a linear interpolation in units of one reading's."""
    right = np.clip(np.searchsorted(leg.field_T, grid), 1, len(leg.field_T) - 1)
    low, high = leg.field_T[right - 1], leg.field_T[right]
    width = np.where(high > low, high - low, 1.0)
    share = np.clip((grid - low) / width, 0.0, 1.0)
    return np.asarray(share**2 + (1 - share) ** 2)
