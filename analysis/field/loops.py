"""One I(H) run: its legs, its plateaus and its switching fields."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from nanojunction.analysis.run import Run, State
from nanojunction.analysis.values import Array, Quantity

Direction = Literal["up", "down"]

_FEWEST_ROWS = 8
_WINDOW = 0.05
_STEP = 0.05
_SWITCH = 0.10


@dataclass(frozen=True, slots=True, eq=False)
class FieldLeg:
    """A leg of I(H) in order of rising field, with the noise of one reading.

    `direction` is that of the sweep. Arrays have one entry a row, without rows in compliance.
    """

    field_T: Array
    current_A: Array
    voltage_V: Array
    direction: Direction
    noise_A: float
    noise_V: float


@dataclass(frozen=True, slots=True)
class Plateau:
    """A stretch of a leg over which the current does not change; fields in T."""

    direction: Direction
    from_T: float
    to_T: float
    current_A: Quantity
    state: State | None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of one plateau."""
        return {
            "direction": self.direction,
            "from_T": self.from_T,
            "to_T": self.to_T,
            "current_A": self.current_A.to_json(),
            "state": self.state,
        }


@dataclass(frozen=True, slots=True)
class Switch:
    """The field at which a leg crosses halfway between two neighbouring plateaus."""

    direction: Direction
    field_T: Quantity
    before_A: float
    after_A: float

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of one switching field; before and after in sweep order."""
        return {
            "direction": self.direction,
            "field_T": self.field_T.to_json(),
            "before_A": self.before_A,
            "after_A": self.after_A,
        }


def field_legs(run: Run) -> list[FieldLeg]:
    """Return the legs of an I(H) run that have at least eight rows and a swept field.

    Rows in compliance are left out. Raises ValueError where the run has no field column or no
    such leg.
    """
    if run.field_T is None:
        raise ValueError(f"{run.file}: an I(H) run needs a field column")
    usable = ~run.in_compliance & np.isfinite(run.field_T) & np.isfinite(run.current_A)
    legs = []
    for index in np.unique(run.leg):
        rows = np.flatnonzero(usable & (run.leg == index))
        field = run.field_T[rows]
        if len(rows) < _FEWEST_ROWS or np.ptp(field) == 0:
            continue
        trend = float(np.polyfit(np.arange(len(rows)), field - field[0], 1)[0])
        order = np.argsort(field, kind="stable")
        current, voltage = run.current_A[rows], run.voltage_V[rows]
        legs.append(
            FieldLeg(
                field[order],
                current[order],
                voltage[order],
                "up" if trend > 0 else "down",
                reading_noise(current),
                reading_noise(voltage),
            )
        )
    if not legs:
        raise ValueError(
            f"{run.file}: no leg with a swept field and at least {_FEWEST_ROWS} rows out of "
            "compliance"
        )
    return legs


def reading_noise(values: Array) -> float:
    """Return the noise of one reading from fourth differences, robust against steps."""
    if len(values) < _FEWEST_ROWS:
        return 0.0
    # Fourth differences leave nothing of a smooth transition; of white noise they have 70 times
    # its variance. 1.4826 makes the median absolute deviation a standard deviation.
    return float(1.4826 * np.median(np.abs(np.diff(values, 4))) / math.sqrt(70.0))


def find_plateaus(leg: FieldLeg) -> list[Plateau]:
    """Return a leg's plateaus in order of rising field, without states.

    A row belongs to no plateau where the current changes by more than 5 % of its whole range (and
    by more than five times the noise) within 5 % of the field range. Neighbours whose levels
    differ by less than 10 % of the range are one.
    """
    count = len(leg.field_T)
    half = max(1, round(_WINDOW * count / 2))
    total = np.concatenate([[0.0], np.cumsum(leg.current_A)])
    at = np.arange(count)
    after = np.minimum(at + half + 1, count)
    before = np.maximum(at - half, 0)
    ahead, behind = np.maximum(after - at - 1, 1), np.maximum(at - before, 1)
    change = (total[after] - total[np.minimum(at + 1, after - 1)]) / ahead
    change -= (total[at] - total[before]) / behind
    change[[0, -1]] = 0.0
    noise = leg.noise_A * np.sqrt(1.0 / ahead + 1.0 / behind)
    extent = _extent(leg)
    moving = np.abs(change) > np.maximum(5.0 * noise, _STEP * extent)
    edges = np.flatnonzero(np.diff(np.concatenate([[True], moving, [True]]).astype(int)))
    shortest = max(3, round(0.01 * count))
    found: list[Plateau] = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if stop - start < shortest:
            continue
        plateau = _plateau(leg, start, stop)
        threshold = max(_SWITCH * extent, 5.0 * leg.noise_A / math.sqrt(stop - start))
        if found and abs(_value(plateau) - _value(found[-1])) < threshold:
            first = int(np.searchsorted(leg.field_T, found[-1].from_T))
            found[-1] = _plateau(leg, first, stop)
        else:
            found.append(plateau)
    return found


def with_states(plateaus: Sequence[Plateau]) -> list[Plateau]:
    """Propose P for the level at the largest |H|, AP for the one farthest from it."""
    if not plateaus:
        return []
    outermost = max(plateaus, key=lambda p: max(abs(p.from_T), abs(p.to_T)))
    parallel = outermost.current_A.value or 0.0
    values = [plateau.current_A.value or 0.0 for plateau in plateaus]
    other = max(values, key=lambda value: abs(value - parallel))
    error = 5.0 * max(plateau.current_A.stderr or 0.0 for plateau in plateaus)
    if abs(other - parallel) <= error:
        return [replace(plateau, state="P") for plateau in plateaus]
    return [
        replace(plateau, state="P" if abs(value - parallel) < abs(value - other) else "AP")
        for plateau, value in zip(plateaus, values, strict=True)
    ]


def _plateau(leg: FieldLeg, start: int, stop: int) -> Plateau:
    current = leg.current_A[start:stop]
    error = max(float(np.std(current, ddof=1)), leg.noise_A) / math.sqrt(stop - start)
    return Plateau(
        leg.direction,
        float(leg.field_T[start]),
        float(leg.field_T[stop - 1]),
        Quantity(float(np.mean(current)), error),
        None,
    )


def _value(plateau: Plateau) -> float:
    return plateau.current_A.value or 0.0


def _extent(leg: FieldLeg) -> float:
    """Return the range of the current, a single outlier not counted."""
    middle = np.median(
        np.stack([leg.current_A[:-2], leg.current_A[1:-1], leg.current_A[2:]]), axis=0
    )
    return float(np.ptp(middle))


def find_switches(leg: FieldLeg, plateaus: Sequence[Plateau]) -> list[Switch]:
    """Return the switching fields between neighbouring plateaus of a leg, in sweep order."""
    switches = []
    for low, high in pairwise(plateaus):
        half = 0.5 * (_value(low) + _value(high))
        size = _value(high) - _value(low)
        if size == 0.0:
            continue
        within = (leg.field_T >= low.to_T) & (leg.field_T <= high.from_T)
        field, part = leg.field_T[within], (leg.current_A[within] - half) / size
        crossing = np.flatnonzero((part[:-1] < 0) & (part[1:] >= 0))
        if len(crossing) == 0:
            continue
        quantity = _crossing(field, part, int(crossing[0]), leg.noise_A / abs(size))
        pair = (_value(low), _value(high))
        before, after = pair if leg.direction == "up" else pair[::-1]
        switches.append(Switch(leg.direction, quantity, before, after))
    return switches if leg.direction == "up" else switches[::-1]


def _crossing(field: Array, part: Array, at: int, noise: float) -> Quantity:
    """Return where `part` (from −½ to +½) crosses 0: from a line where it is gradual."""
    gentle = np.flatnonzero(np.abs(part) < 0.25)
    if len(gentle) >= 4:
        slope, offset = np.polyfit(field[gentle], part[gentle], 1)
        centre = -offset / slope
        error = max(float(np.std(part[gentle] - slope * field[gentle] - offset)), noise)
        return Quantity(float(centre), error / abs(float(slope)) / math.sqrt(len(gentle)))
    step = float(field[at + 1] - field[at])
    on_the_way = np.abs(part) < 0.5 - max(3.0 * noise, 0.05)
    first, last = at, at + 1
    while first > 0 and on_the_way[first]:
        first -= 1
    while last < len(part) - 1 and on_the_way[last]:
        last += 1
    number = int(np.sum(on_the_way[first : last + 1]))
    if number == 0:
        # Inside one step of an abrupt switch every field is equally likely.
        share = -float(part[at]) / float(part[at + 1] - part[at])
        return Quantity(float(field[at]) + share * step, step / math.sqrt(12.0))
    # The area above the curve: an interpolation would take a corner between readings for a line.
    left = 0.5 - np.clip(part[first : last + 1], -0.5, 0.5)
    centre = float(field[first]) + float(np.trapezoid(left, field[first : last + 1]))
    return Quantity(centre, step * math.hypot(noise * math.sqrt(number), 0.05))
