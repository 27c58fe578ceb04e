"""The only place that sleeps or tells time: the laboratory's clock, real or faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime


class Clock:
    """A monotonic clock in seconds from its creation, `speed` times faster than the wall clock.

    `speed` is 1 with real instruments; a virtual cryostat may run 1 to 10000 times faster.
    Raises ValueError for a speed outside that range.
    """

    #: Longest wall-clock stretch (s) a sleep may last before it looks at `should_stop` again.
    PATIENCE_S = 0.05
    #: Longest wall-clock stretch (s) of any sleep between two calls of `on_sleep`.
    BEAT_S = 1.0
    #: Last stretch (wall clock, s) of a sleep, passed by yielding: the system's timers are late.
    LATE_S = 2e-4

    def __init__(self, speed: float = 1.0) -> None:
        if not 1.0 <= speed <= 10_000.0:
            raise ValueError(f"the clock's speed must lie between 1 and 10000, not {speed:g}")
        self.speed = float(speed)
        self._start = time.monotonic()
        #: Called while it sleeps, by the thread that sleeps: who waits on purpose is alive.
        self.on_sleep: Callable[[], object] = _nothing

    def now(self) -> float:
        """Return the time (s) since the clock was made."""
        return (time.monotonic() - self._start) * self.speed

    def sleep(self, seconds: float, should_stop: Callable[[], bool] | None = None) -> bool:
        """Sleep for `seconds` of this clock; return False if `should_stop` cut it short."""
        return self.sleep_until(self.now() + seconds, should_stop)

    def sleep_until(self, moment: float, should_stop: Callable[[], bool] | None = None) -> bool:
        """Sleep until `moment` (s on this clock); return False if `should_stop` cut it short."""
        while True:
            if should_stop is not None and should_stop():
                return False
            left = (moment - self.now()) / self.speed
            if left <= 0.0:
                return True
            self.on_sleep()
            at_once = self.BEAT_S if should_stop is None else self.PATIENCE_S
            time.sleep(max(0.0, min(left - self.LATE_S, at_once)))


def now_iso() -> str:
    """Return the date and time of day with the time zone, in ISO format to the millisecond."""
    return iso(datetime.now().astimezone())


def iso(moment: datetime) -> str:
    """Return a moment in ISO format to the millisecond."""
    return moment.isoformat(timespec="milliseconds")


def _nothing() -> None:
    """Be the hook of a clock that nobody listens to."""
