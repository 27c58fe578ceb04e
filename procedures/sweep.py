"""A sweep is a frozen value: listed, counted, drawn and timed without an instrument.

>>> sweep = Sweep((0.0, 0.01, -0.01, 0.0), step=0.005)
>>> [point.setpoint for point in sweep.points() if point.leg == 0]
[0.0, 0.005, 0.01]
>>> print(sweep.draw(width=24, height=5))
+0.01 ┤    ╭────╮
      ┤  ╭─╯    ╰─╮
    0 ┤──╯        ╰─╮        ╭─
      ┤             ╰─╮    ╭─╯
-0.01 ┤               ╰────╯
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """One setpoint (V, A or T) and the leg that it belongs to, counted from 0."""

    leg: int
    setpoint: float


@dataclass(frozen=True, slots=True)
class Sweep:
    """Straight legs between turning points, in steps; the whole list `repeats` times.

    Both ends belong to a leg, so that every leg is complete: a turning point is measured at the
    end of one leg and again at the start of the next. Raises ValueError if a leg is not a whole
    number of steps, or if there is nothing to sweep; `unit` is for its words.
    """

    turning_points: tuple[float, ...]
    step: float
    repeats: int = 1
    unit: str = ""

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (*self.turning_points, self.step))):
            raise ValueError("a sweep needs finite turning points and a finite step")
        if len(self.turning_points) < 2:
            raise ValueError("a sweep needs at least two turning points")
        if self.step <= 0.0:
            raise ValueError(f"the step must be greater than 0, not {self.step:g}")
        if self.repeats < 1:
            raise ValueError(f"a sweep is made at least once, not {self.repeats} times")
        for start, stop in pairwise(self.turning_points):
            if start == stop:
                raise ValueError(f"two turning points in a row are the same ({start:g})")
            self._steps(start, stop)

    def _steps(self, start: float, stop: float) -> int:
        exact = abs(stop - start) / self.step
        count = round(exact)
        if count < 1 or abs(exact - count) > 1e-6 * exact:
            unit = f" {self.unit}" if self.unit else ""
            fits = abs(stop - start) / max(1, math.ceil(exact - 1e-9))
            raise ValueError(
                f"the step {self.step:g}{unit} does not divide the leg from {start:g} to "
                f"{stop:g}{unit}; {fits:g}{unit} does"
            )
        return count

    def legs(self) -> tuple[tuple[float, float], ...]:
        """Return (start, stop) of each leg, repeats included."""
        once = list(pairwise(self.turning_points))
        if self.repeats > 1 and self.turning_points[0] != self.turning_points[-1]:
            way_back = (self.turning_points[-1], self.turning_points[0])
            return tuple([*once, way_back] * (self.repeats - 1) + once)
        return tuple(once * self.repeats)

    def points(self) -> Iterator[SweepPoint]:
        """Yield every point in order; this is what a procedure executes."""
        for leg, (start, stop) in enumerate(self.legs()):
            count = self._steps(start, stop)
            for k in range(count + 1):
                yield SweepPoint(leg, self._clean(start + (stop - start) * k / count))

    def _clean(self, value: float) -> float:
        """Return the same setpoint for the same place on every leg (0.3 is not 0.1 + 0.2)."""
        grain = self.step * 1e-6
        return float(f"{round(value / grain) * grain:.12g}") + 0.0

    def __len__(self) -> int:
        return sum(self._steps(start, stop) + 1 for start, stop in self.legs())

    def extent(self) -> tuple[float, float]:
        """Return the lowest and the highest setpoint."""
        return min(self.turning_points), max(self.turning_points)

    def duration_s(self, per_point_s: float) -> float:
        """Return the time that the sweep takes at `per_point_s` (settling, integration, bus)."""
        return len(self) * per_point_s

    def draw(self, width: int = 60, height: int = 9) -> str:
        """Return a picture of setpoint against point number, for a terminal."""
        values = [point.setpoint for point in self.points()]
        low, high = self.extent()
        rows = [
            round((high - values[round(x * (len(values) - 1) / (width - 1))]) / (high - low)
                  * (height - 1))
            for x in range(width)
        ]  # fmt: skip
        grid = [[" "] * width for _ in range(height)]
        for x, row in enumerate(rows):
            before = rows[x - 1] if x else row
            grid[row][x] = "─" if row == before else ("╭" if row < before else "╰")
            if row != before:
                grid[before][x] = "╯" if row < before else "╮"
            for between in range(min(row, before) + 1, max(row, before)):
                grid[between][x] = "│"
        labels = {0: f"{high:+g}", height - 1: f"{low:+g}"}
        if low < 0 < high:
            labels.setdefault(round(high / (high - low) * (height - 1)), "0")
        margin = max(map(len, labels.values()))
        return "\n".join(
            f"{labels.get(y, ''):>{margin}} ┤{''.join(line).rstrip()}"
            for y, line in enumerate(grid)
        )


def standard_legs(maximum: float) -> tuple[float, ...]:
    """Return the turning points 0 → +max → −max → +max → −max → 0 (Katcko 2019, Fig. 2)."""
    return (0.0, maximum, -maximum, maximum, -maximum, 0.0)


@dataclass(frozen=True, slots=True)
class FieldRamp:
    """A magnet's way between turning points (T) at a steady rate (T/min), read every `interval_s`.

    Raises ValueError if there is nowhere to go or no rate to go at.
    """

    turning_points: tuple[float, ...]
    rate_T_per_min: float
    interval_s: float = 1.0

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (*self.turning_points, self.rate_T_per_min))):
            raise ValueError("a field ramp needs finite turning points and a finite rate")
        if len(self.turning_points) < 2:
            raise ValueError("a field ramp needs at least two turning points")
        if any(start == stop for start, stop in pairwise(self.turning_points)):
            raise ValueError("two turning points of the field in a row are the same")
        if self.rate_T_per_min <= 0.0:
            raise ValueError("the field's rate must be greater than 0")
        if self.interval_s < 0.0:
            raise ValueError("the interval between readings cannot be negative")

    def legs(self) -> tuple[tuple[float, float], ...]:
        """Return (start, stop) of each leg."""
        return tuple(pairwise(self.turning_points))

    def duration_s(self) -> float:
        """Return the time that the ramps take."""
        way = sum(abs(stop - start) for start, stop in self.legs())
        return 60.0 * way / self.rate_T_per_min
