"""The time left of a screening: by what its junctions took so far, at first by the estimate."""

from __future__ import annotations

from collections.abc import Callable

from nanojunction.procedures.screening.estimate import Estimate


class TimeLeft:
    """Counts down the junctions of a screening that takes up where it was.

    `now` is the station's clock (s), which runs `speed` times as fast as the wall's. Junctions
    whose verdict an earlier part has found take no time, and teach none.
    """

    def __init__(self, estimate: Estimate, now: Callable[[], float], speed: float) -> None:
        self._estimate, self._now, self._speed = estimate, now, speed
        self._judged, self._measured = 0, 0
        self._measured_s = 0.0
        self._began_s: float | None = None

    def measures(self) -> None:
        """Note that a junction is being measured."""
        if self._began_s is None:
            self._began_s = self._now()

    def judged(self) -> None:
        """Note that a junction has its verdict."""
        self._judged += 1
        if self._began_s is not None:
            self._measured += 1
            self._measured_s += self._now() - self._began_s
            self._began_s = None

    @property
    def percent(self) -> float:
        """How many of the junctions have their verdict."""
        return min(100.0, 100.0 * self._judged / self._estimate.junctions)

    def left_s(self) -> float | None:
        """Return the wall-clock time left (s); None for what comes after all junctions."""
        one, left = self._estimate, self._estimate.junctions - self._judged
        if left <= 0:
            return None
        expected_s = (one.least_s + one.most_s - 2.0 * one.resistors_s) / 2.0 / one.junctions
        mean_s = (expected_s + self._measured_s) / (1 + self._measured)
        passed_s = 0.0 if self._began_s is None else self._now() - self._began_s
        left_s = mean_s * left - min(passed_s, mean_s) + one.resistors_s / 2.0
        return left_s / self._speed
