"""The time left of a recipe while it runs, from the same estimate as the dry run's."""

from __future__ import annotations

from collections.abc import Mapping

from nanojunction.instruments.clock import Clock
from nanojunction.procedures.recipes.estimate import Cost


class Countdown:
    """Counts the costs of the runs of a plan down; `costs` has them by key, in order.

    What is left is a running sum: it is asked for at every row, of a plan of any length.
    """

    def __init__(self, costs: Mapping[str, Cost], clock: Clock) -> None:
        self._left = dict(costs)
        self._left_s = sum(cost.total_s for cost in costs.values())
        self._gone_s = 0.0
        self._now = Cost()
        self._clock = clock
        self._began_s = clock.now()

    def begin(self, key: str) -> Cost:
        """Note that a run begins, and return its cost."""
        self.end()
        self._now = self._take(key)
        self._began_s = self._clock.now()
        return self._now

    def end(self) -> None:
        """Note that the present run is over."""
        self._gone_s += self._now.total_s
        self._now = Cost()

    def drop(self, *keys: str) -> None:
        """Note that runs are skipped."""
        for key in keys:
            self._take(key)

    def _take(self, key: str) -> Cost:
        cost = self._left.pop(key, Cost())
        # What rounding leaves of the sum must not outlive the last run.
        self._left_s = max(0.0, self._left_s - cost.total_s) if self._left else 0.0
        return cost

    def now(self, percent: float) -> tuple[float, float]:
        """Return percent done of the recipe, and the wall-clock time left (s).

        `percent` is how much of the present run's points is measured; before the first, what has
        passed counts against the way to temperature and field.
        """
        cost, passed = self._now, self._clock.now() - self._began_s
        if percent > 0.0:
            left_now = (1.0 - percent / 100.0) * cost.measuring_s
        else:
            left_now = max(0.0, cost.approach_s - passed) + cost.measuring_s
        whole = self._gone_s + cost.total_s + self._left_s
        left = left_now + self._left_s
        return 100.0 * (1.0 - left / whole) if whole > 0.0 else 0.0, left / self._clock.speed
