"""A leg as what later readings are compared with, and how different another current must be."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median

#: A leg with fewer points is too short to be compared with.
FEWEST = 5


@dataclass(frozen=True, slots=True)
class Yardstick:
    """By how much a current must differ to be another one: more than each of these.

    Parts of the leg's current there and of its largest current, a multiple of its noise, and a
    current (A).
    """

    of_current: float
    of_largest: float
    of_noise: float
    at_least_A: float


#: Against the leg before.
WITHIN_A_RUN = Yardstick(of_current=0.5, of_largest=0.1, of_noise=8.0, at_least_A=0.0)
#: Against a leg of hours ago: junction and line may have drifted. The current is twice the largest
#: offset of Katcko's line (QUANTITIES: 500 pA).
ACROSS_RUNS = Yardstick(of_current=0.5, of_largest=0.2, of_noise=8.0, at_least_A=1e-9)
#: At another temperature (parts of it) or another field (T) nothing can be told: currents change
#: with both.
SAME_K, SAME_T = 0.02, 2e-3


@dataclass(frozen=True, slots=True)
class ReferenceLeg:
    """Points (V, A) of a leg in the order of their voltages, its noise and its largest current."""

    points: tuple[tuple[float, float], ...]
    noise_A: float
    largest_A: float

    @classmethod
    def of(cls, measured: Iterable[tuple[float, float]]) -> ReferenceLeg | None:
        """Return the leg of points (V, A) in any order, None if they are too few to tell."""
        points = sorted(measured)
        if len(points) < FEWEST:
            return None
        currents = [current for _, current in points]
        steps = [after - before for before, after in pairwise(currents)]
        bends = [abs(after - before) for before, after in pairwise(steps)]
        noise = median(bends) / (0.6745 * 6**0.5)
        return cls(tuple(points), noise, max(map(abs, currents)))

    def current_A(self, voltage_V: float) -> float | None:
        """Return the current on the line between neighbours, None beyond the leg."""
        at = bisect_left(self.points, (voltage_V, -float("inf")))
        if at == len(self.points) or (at == 0 and voltage_V < self.points[0][0]):
            return None
        if self.points[at][0] == voltage_V or at == 0:
            return self.points[at][1]
        (low_V, low_A), (high_V, high_A) = self.points[at - 1], self.points[at]
        return low_A + (high_A - low_A) * (voltage_V - low_V) / (high_V - low_V)

    def is_another(self, voltage_V: float, current_A: float, by: Yardstick) -> bool | None:
        """Tell whether a reading differs from this leg; None where it cannot be told."""
        expected = self.current_A(voltage_V)
        if expected is None:
            return None
        allowed = max(
            by.of_current * abs(expected),
            by.of_largest * self.largest_A,
            by.of_noise * self.noise_A,
            by.at_least_A,
        )
        return abs(current_A - expected) > allowed


@dataclass(frozen=True, slots=True)
class EarlierLeg:
    """A leg of another run, or of an earlier part of this one: where it was, and when it ended.

    Temperature (K) and field (T) are its middle ones, None where nobody measured them.
    """

    leg: ReferenceLeg
    temperature_K: float | None
    field_T: float | None
    run: str
    ended: datetime

    def is_comparable(self, temperature_K: float | None, field_T: float | None) -> bool:
        """Tell whether a reading was taken in the conditions of this leg.

        Without a temperature nobody knows; a station without a magnet has one field only.
        """
        if temperature_K is None or self.temperature_K is None:
            return False
        if abs(temperature_K - self.temperature_K) > SAME_K * self.temperature_K:
            return False
        if field_T is None or self.field_T is None:
            return field_T is self.field_T
        return abs(field_T - self.field_T) <= SAME_T

    def words(self) -> str:
        """Return where and when it was measured: `in run 012_iv, 40 min ago`."""
        seconds = (datetime.now().astimezone() - self.ended).total_seconds()
        return f"in run {self.run}, {_rounded(seconds)} ago"


#: Units that a time is said in, with their seconds.
_UNITS = (("d", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0))


def _rounded(seconds: float) -> str:
    """Return a time in the largest unit of which it has two."""
    unit, per_unit = next((one for one in _UNITS if seconds >= 2.0 * one[1]), _UNITS[-1])
    return f"{max(0.0, seconds) / per_unit:.0f} {unit}"
