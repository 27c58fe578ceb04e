"""The only place that sleeps or tells time: the laboratory's clock, real or faster."""

from __future__ import annotations

import threading
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
            self._nap(max(0.0, min(left - self.LATE_S, at_once)))

    def _nap(self, seconds: float) -> None:
        """Sleep for `seconds` of the wall clock."""
        time.sleep(seconds)


class PatientClock(Clock):
    """A clock that waits for the computer: time passes where somebody sleeps on it.

    Between two looks at it, it goes on by what was slept meanwhile and at most GAP_S of the wall
    clock. At a thousand times its speed a moment in which the computer does something else would
    be minutes, in which a ramp ends unseen and readings are missing that a laboratory would have.
    It needs instruments and client in one process: who sleeps elsewhere is not known to it.
    """

    #: Longest wall-clock stretch (s) in which nobody sleeps that counts between two looks.
    GAP_S = 2e-3

    def __init__(self, speed: float = 1.0) -> None:
        super().__init__(speed)
        self._guard = threading.Lock()
        self._seen = 0.0
        #: When the naps end that are taken now (s on this clock).
        self._naps: list[float] = []

    def now(self) -> float:
        """Return the time (s) since the clock was made, without what took the computer long."""
        with self._guard:
            found = super().now()
            at_most = max(self._seen, min(self._naps, default=0.0)) + self.GAP_S * self.speed
            if found > at_most:
                self._start += (found - at_most) / self.speed
                found = at_most
            self._seen = found
            return found

    def _nap(self, seconds: float) -> None:
        end = self.now() + seconds * self.speed
        with self._guard:
            self._naps.append(end)
        try:
            time.sleep(seconds)
        finally:
            self.now()
            with self._guard:
                self._naps.remove(end)


def now_iso() -> str:
    """Return the date and time of day with the time zone, in ISO format to the millisecond."""
    return iso(datetime.now().astimezone())


def iso(moment: datetime) -> str:
    """Return a moment in ISO format to the millisecond."""
    return moment.isoformat(timespec="milliseconds")


def _nothing() -> None:
    """Be the hook of a clock that nobody listens to."""
