"""The time left of a recipe while it runs, from the same estimate as the dry run's."""

from __future__ import annotations

from collections.abc import Mapping

from nanojunction.instruments.clock import Clock
from nanojunction.procedures.recipes.estimate import Cost


class Countdown:
    """Counts the costs of the runs of a plan down; `costs` has them by key, in order."""

    def __init__(self, costs: Mapping[str, Cost], clock: Clock) -> None:
        self._left = dict(costs)
        self._clock = clock
        self._gone_s = 0.0
        self._now = Cost()
        self._began_s = clock.now()

    def begin(self, key: str) -> Cost:
        """Note that a run begins, and return its cost."""
        self._gone_s += self._now.total_s
        self._now = self._left.pop(key, Cost())
        self._began_s = self._clock.now()
        return self._now

    def drop(self, *keys: str) -> None:
        """Note that runs are skipped."""
        for key in keys:
            self._left.pop(key, None)

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
        later = sum(one.total_s for one in self._left.values())
        whole = self._gone_s + cost.total_s + later
        share = 100.0 * (1.0 - (left_now + later) / whole) if whole > 0.0 else 0.0
        return share, (left_now + later) / self._clock.speed
