"""Windows of voltage in which the currents of two magnetic states have opposite signs.

There the field switches the direction of the current at fixed voltage: MC and TMR are below
−100 %, and one of the two states delivers power while the other takes it (Chowrira 2020, Fig. 3b:
C at 2.67 mV; Katcko 2019, Fig. 2d: the tunnel junction at +5 mV).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nanojunction.analysis.values import Array, Quantity

BEYOND = 3.0
"""Both currents must lie this many standard errors from zero, and beyond the line's offset."""

Side = Literal["parallel", "reference"]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True, eq=False)
class TwoCurrents:
    """Currents of two states (A) over voltage, with standard errors, and the line's offset."""

    voltage_V: Array
    current_A: dict[Side, Array]
    stderr_A: dict[Side, Array]
    syst_A: float = 0.0

    def sure(self, side: Side) -> Flags:
        """Tell where the sign of one current is beyond doubt."""
        limit = BEYOND * self.stderr_A[side] + self.syst_A
        return np.asarray(np.abs(self.current_A[side]) > limit)


def find_windows(pair: TwoCurrents) -> list[dict[str, Any]]:
    """Return the windows in which both currents have opposite signs beyond doubt.

    Each has `from_V` and `to_V` (where a current crosses zero, with the standard error; or the end
    of the range with a note), `voltage_V` with `parallel_A` and `reference_A` where both currents
    are largest, `largest_difference_A` with its `voltage_V`, and `delivers`: the state that
    delivers power there. A window needs a voltage at which both currents lie beyond three standard
    errors and the line's offset; a zero between two such voltages ends it only if it is beyond
    doubt, too.
    """
    signs = [np.sign(pair.current_A[side]) for side in ("parallel", "reference")]
    known = pair.sure("parallel") & pair.sure("reference")
    # +1: parallel above zero and reference below, −1: the other way round, 0: the same sign.
    kind = np.where(known, (signs[0] - signs[1]) / 2.0, np.nan)
    at = np.flatnonzero(known)
    windows = []
    start = 0
    while start < len(at):
        stop = start
        while stop + 1 < len(at) and kind[at[stop + 1]] == kind[at[start]]:
            stop += 1
        if kind[at[start]] != 0.0:
            before = int(at[start - 1]) if start > 0 else None
            after = int(at[stop + 1]) if stop + 1 < len(at) else None
            windows.append(_window(pair, (before, int(at[start])), (int(at[stop]), after)))
        start = stop + 1
    return windows


def _window(
    pair: TwoCurrents, lower: tuple[int | None, int], upper: tuple[int, int | None]
) -> dict[str, Any]:
    """Describe a window between its first and last sure voltage, each with the next one outside."""
    inside = np.arange(lower[1], upper[0] + 1)
    parallel, reference = (pair.current_A[side] for side in ("parallel", "reference"))
    both = np.minimum(np.abs(parallel[inside]), np.abs(reference[inside]))
    middle = int(inside[np.argmax(both)])
    widest = int(inside[np.argmax(np.abs(parallel[inside] - reference[inside]))])
    error = math.hypot(*(float(pair.stderr_A[side][widest]) for side in pair.stderr_A))
    return {
        "from_V": _edge(pair, lower[1], lower[0]),
        "to_V": _edge(pair, upper[0], upper[1]),
        "voltage_V": float(pair.voltage_V[middle]),
        "parallel_A": _current(pair, "parallel", middle),
        "reference_A": _current(pair, "reference", middle),
        "largest_difference_A": Quantity(
            float(parallel[widest] - reference[widest]),
            error,
            extra={"voltage_V": float(pair.voltage_V[widest])},
        ),
        "delivers": delivers(float(pair.voltage_V[middle]), float(parallel[middle])),
    }


def delivers(voltage_V: float, parallel_A: float) -> str | None:
    """Return which of two opposite currents delivers power: −V·I > 0; none of them at 0 V."""
    power = -voltage_V * parallel_A
    if power == 0.0:
        return None
    return "parallel" if power > 0.0 else "reference"


def _current(pair: TwoCurrents, side: Side, at: int) -> Quantity:
    return Quantity(float(pair.current_A[side][at]), float(pair.stderr_A[side][at]))


def _edge(pair: TwoCurrents, inside: int, outside: int | None) -> Quantity:
    """Return where the first current crosses zero, from a sure point inside to one outside."""
    if outside is None:
        rising = inside > len(pair.voltage_V) // 2
        end = float(pair.voltage_V[-1] if rising else pair.voltage_V[0])
        return Quantity(end, None, "the window reaches the end of the voltage range")
    zeros = [
        zero
        for side in ("parallel", "reference")
        if pair.current_A[side][inside] * pair.current_A[side][outside] < 0.0
        if (zero := _zero(pair, side, inside, outside)).value is not None
    ]
    if not zeros:
        return Quantity(
            float(pair.voltage_V[inside]), None, "no single zero of a current at this edge"
        )
    start = float(pair.voltage_V[inside])
    return min(zeros, key=lambda zero: abs((zero.value or 0.0) - start))


def _zero(pair: TwoCurrents, side: Side, inside: int, outside: int) -> Quantity:
    """Return the zero of a current from a weighted line through the points between two."""
    low, high = min(inside, outside), max(inside, outside)
    rows = slice(low, high + 1)
    voltage, current = pair.voltage_V[rows], pair.current_A[side][rows]
    error = pair.stderr_A[side][rows]
    weight = 1.0 / np.maximum(error, 1e-300) ** 2 if np.all(error > 0) else np.ones_like(error)
    total = float(np.sum(weight))
    centre = float(np.sum(weight * voltage)) / total
    mean = float(np.sum(weight * current)) / total
    square = float(np.sum(weight * (voltage - centre) ** 2))
    slope = float(np.sum(weight * (voltage - centre) * current)) / square
    zero = centre - mean / slope if slope != 0.0 else math.nan
    if not float(voltage[0]) <= zero <= float(voltage[-1]):
        return Quantity(None, note="no line crosses zero there")
    if not np.all(error > 0):
        return Quantity(zero, None, "a standard error that it rests on is unknown")
    variance = 1.0 / total + (zero - centre) ** 2 / square
    return Quantity(zero, math.sqrt(variance) / abs(slope))
